//! Where rows go: standard output, a file, or a directory of files. The last two appear whole or not at all.

use super::args::{ExportArgs, Format};
use super::columnar::{Encoder, RowGroup};
use super::table::Table;
use super::text::Text;
use crate::destination;
use crate::destination::directory::Directory;
use crate::destination::private::Privacy;
use crate::failure::{Failure, Needed};
use crate::merge::work::Work;
use crate::output;
use aof_std::{NewDirectory, NewFile};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How rows are written.
#[derive(Debug)]
pub enum Codec<T> {
    /// As text.
    Text(Text),
    /// As Parquet.
    Parquet(Encoder<T>),
}

/// Rows, encoded.
#[derive(Debug)]
pub enum Encoded {
    /// Text.
    Bytes(Vec<u8>),
    /// Parquet.
    Group(RowGroup),
}

impl<T: Table> Codec<T> {
    /// The codec of a format.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`], for a table that the format cannot hold: a mistake of ours.
    pub fn new(format: Format) -> Result<Self, Failure> {
        Ok(match format {
            Format::Jsonl => Self::Text(Text::Jsonl),
            Format::Csv => Self::Text(Text::Csv),
            Format::Parquet => {
                Self::Parquet(Encoder::new().map_err(|error| Failure::Usage(error.to_string()))?)
            }
        })
    }

    /// Encodes a block.
    ///
    /// # Errors
    ///
    /// Parquet's.
    pub fn encode(&self, block: &T::Block) -> Result<Encoded, ParquetError> {
        Ok(match self {
            Self::Text(text) => Encoded::Bytes(text.encode::<T>(block)),
            Self::Parquet(encoder) => Encoded::Group(encoder.encode(block)?),
        })
    }
}

/// Takes what was encoded, in order.
#[derive(Debug)]
pub struct Output<'a, T> {
    codec: &'a Codec<T>,
    path: PathBuf,
    force: bool,
    extension: &'static str,
    place: Place,
    written: Written,
    file: Option<Open>,
    /// The lowest and the highest op of the rows in `file`.
    ops: Option<(u64, u64)>,
    /// Files that were written.
    pub files: u64,
}

/// Where the files are.
#[derive(Debug)]
enum Place {
    /// There is one, and it is not closed before the end.
    Single(Option<Target>),
    /// As private as the inputs are, each file too.
    Directory(NewDirectory, Privacy),
}

/// What a file's bytes are written to.
#[derive(Debug)]
pub enum Target {
    /// Standard output.
    Stdout(BufWriter<io::Stdout>),
    /// A file of its own. Beside it, as of the next one, the bytes that were written to all of them.
    File(NewFile, Written),
    /// A file in a directory.
    Part(fs::File, Written),
}

/// Bytes that were written.
type Written = Arc<AtomicU64>;

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file, written) => counted(file.write(bytes), written),
            Self::Part(file, written) => counted(file.write(bytes), written),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file, _) => file.flush(),
            Self::Part(file, _) => file.flush(),
        }
    }
}

fn counted(result: io::Result<usize>, written: &Written) -> io::Result<usize> {
    result.inspect(|size| {
        written.fetch_add(*size as u64, Ordering::Relaxed);
    })
}

/// A file that takes rows.
#[derive(Debug)]
enum Open {
    Text(Target),
    Parquet(Box<SerializedFileWriter<Target>>),
}

/// Whether rows go to standard output.
#[must_use]
pub fn is_stdout(args: &ExportArgs) -> bool {
    args.output == Path::new("-")
}

/// Where the merge of several logs may keep what memory does not hold.
#[must_use]
pub fn work(args: &ExportArgs) -> Work {
    if is_stdout(args) { Work::temporary() } else { Work::beside(&args.output) }
}

/// The name of a file in the making, in a directory that nobody sees yet.
const UNNAMED: &str = "unnamed";

impl<'a, T: Table> Output<'a, T> {
    /// Begins the output: it can be created, and does not replace what it should not.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub fn begin(args: &ExportArgs, format: Format, codec: &'a Codec<T>) -> Result<Self, Failure> {
        let path = &args.output;
        let written = Written::default();
        let place = if args.rows_per_file.is_some() {
            target_directory(path).check(&args.files, args.force)?;
            let privacy = Privacy::of(&args.files).map_err(|(input, error)| Failure::read(input, error))?;
            let created = NewDirectory::create(path)
                .and_then(|directory| privacy.directory(directory.path()).map(|_| directory));
            Place::Directory(created.map_err(|error| Failure::write(path, error))?, privacy)
        } else if is_stdout(args) {
            Place::Single(Some(Target::Stdout(BufWriter::with_capacity(64 << 10, io::stdout()))))
        } else {
            destination::check(path, &args.files, args.force)?;
            Place::Single(Some(Target::File(destination::create(path, &args.files)?, written.clone())))
        };
        let (path, force, extension) = (path.clone(), args.force, format.extension());
        Ok(Self { codec, path, force, extension, place, written, file: None, ops: None, files: 0 })
    }

    /// Rows of a block: of Parquet a row group, of which readers want 100,000 and more; text is several times
    /// as large as what it is made of.
    #[must_use]
    pub const fn block_rows(&self) -> usize {
        match self.codec {
            Codec::Text(_) => 8 << 10,
            Codec::Parquet(_) => 128 << 10,
        }
    }

    /// Writes rows of these ops behind those before.
    ///
    /// # Errors
    ///
    /// [`Failure::Write`] or [`Failure::Stdout`].
    pub fn append(&mut self, encoded: Encoded, ops: Option<(u64, u64)>) -> Result<(), Failure> {
        if let Some((first, last)) = ops {
            let (lowest, highest) = self.ops.unwrap_or((first, last));
            self.ops = Some((lowest.min(first), highest.max(last)));
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let result = match (&mut file, encoded) {
            (Open::Text(target), Encoded::Bytes(bytes)) => target.write_all(&bytes),
            (Open::Parquet(file), Encoded::Group(group)) => group.append_to(file).map_err(into_io),
            _ => Err(io::Error::other("rows of another format")),
        };
        result.map_err(|error| self.failed(error))?;
        self.file = Some(file);
        Ok(())
    }

    fn open(&mut self) -> Result<Open, Failure> {
        let target = match &mut self.place {
            Place::Single(target) => target.take().ok_or(io::ErrorKind::AlreadyExists.into()),
            Place::Directory(directory, privacy) => {
                let created = fs::File::create_new(directory.path().join(UNNAMED));
                created.and_then(|file| privacy.file(&file).map(|_| Target::Part(file, self.written.clone())))
            }
        };
        let mut target = target.map_err(|error| self.failed(error))?;
        match self.codec {
            Codec::Text(text) => {
                target.write_all(&text.head::<T>()).map_err(|error| self.failed(error))?;
                Ok(Open::Text(target))
            }
            Codec::Parquet(encoder) => {
                let file = encoder.begin(target).map_err(|error| self.failed(into_io(error)))?;
                Ok(Open::Parquet(Box::new(file)))
            }
        }
    }

    /// Ends the file that takes rows; the next rows go into another.
    ///
    /// # Errors
    ///
    /// As of [`append`](Self::append).
    pub fn end_file(&mut self) -> Result<(), Failure> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let target = match file {
            Open::Text(target) => Ok(target),
            Open::Parquet(file) => file.into_inner().map_err(into_io),
        };
        let mut target = target.map_err(|error| self.failed(error))?;
        target.flush().map_err(|error| self.failed(error))?;
        self.files += 1;
        match (&self.place, target) {
            (Place::Directory(directory, _), Target::Part(file, _)) => {
                let name = match self.ops {
                    Some((first, last)) => format!("ops-{first:020}-{last:020}.{}", self.extension),
                    None => format!("ops-none.{}", self.extension),
                };
                let path = directory.path();
                let named = file.sync_all().and_then(|()| fs::rename(path.join(UNNAMED), path.join(name)));
                named.map_err(|error| self.failed(error))?;
            }
            (Place::Single(_), Target::File(file, _)) => destination::commit(file, &self.path, self.force)?,
            _ => {}
        }
        self.ops = None;
        Ok(())
    }

    /// Lets the output appear. Where there are no rows it is a file without any.
    ///
    /// # Errors
    ///
    /// [`Failure`]; the output is as it was.
    pub fn finish(mut self) -> Result<u64, Failure> {
        if self.file.is_none() && self.files == 0 {
            self.file = Some(self.open()?);
        }
        if output::stopped() {
            return Err(Failure::Interrupted);
        }
        self.end_file()?;
        let Self { path, force, place, files, .. } = self;
        if let Place::Directory(directory, _) = place {
            target_directory(&path).commit(directory, force)?;
        }
        Ok(files)
    }

    fn failed(&self, error: io::Error) -> Failure {
        if self.path == Path::new("-") && matches!(self.place, Place::Single(_)) {
            return Failure::Stdout(error);
        }
        let written = self.written.load(Ordering::Relaxed);
        destination::directory::failed_at(&self.path, error).needing(Needed::MoreThan(written))
    }
}

/// The output's error, out of that of the crate.
pub fn into_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

/// Where parts go.
fn target_directory(path: &Path) -> Directory<'_> {
    Directory { path, what: "an earlier export", is_ours: is_part }
}

/// Whether it is a name that [`Output`] gives to a part: both ops with all their digits.
fn is_part(name: &str) -> bool {
    let Some((ops, extension)) = name.strip_prefix("ops-").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let is_op = |op: &str| op.len() == 20 && op.bytes().all(|byte| byte.is_ascii_digit());
    let are_ops =
        ops == "none" || ops.split_once('-').is_some_and(|(first, last)| is_op(first) && is_op(last));
    are_ops && matches!(extension, "jsonl" | "csv" | "parquet")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::entries::EntryTable;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        export: ExportArgs,
    }

    /// A directory was looked at before the export, and removed with all that was in it behind it.
    #[test]
    fn a_file_that_is_put_into_the_directory_meanwhile_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("parts");
        let thesis = out.join("thesis.tex");
        fs::create_dir(&out).unwrap();
        let command = ["aof", "--format", "csv", "--rows-per-file", "9", "--force", "-", "--output"];
        let command = command.iter().map(AsRef::as_ref).chain([out.as_os_str()]);
        let mut args = Command::parse_from(command).export;
        args.files = vec![directory.path().join("log.aof")];
        fs::write(&args.files[0], "").unwrap();
        let codec = Codec::<EntryTable>::new(Format::Csv).unwrap();
        let output = Output::begin(&args, Format::Csv, &codec).unwrap();
        fs::write(&thesis, "years of work").unwrap();
        let failure = output.finish().unwrap_err().to_string();
        assert!(failure.contains("holds more") && failure.contains("thesis.tex"), "{failure}");
        assert_eq!(fs::read(&thesis).unwrap(), b"years of work");
        let names = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 2, "nothing is left beside it");
        // Once it is moved away, the directory is replaced.
        fs::remove_file(thesis).unwrap();
        Output::begin(&args, Format::Csv, &codec).unwrap().finish().unwrap();
        assert!(out.join("ops-none.csv").exists());
    }
}
