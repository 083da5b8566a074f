//! The board with a card in its socket.

use super::super::Desktop;
use super::super::boards::{CARD_BOARD, RUN_MAX};
use super::image::Image;
use crate::outcome::Stop;
use crate::run::{Root, Run};
use crate::target::Target;
use std::path::{Path, PathBuf};

/// The board with its programs, and a directory for the cards.
#[derive(Clone, Copy)]
pub(super) struct Device<'a> {
    pub(super) desktop: &'a Desktop<'a>,
    pub(super) images: &'a Path,
    pub(super) directory: &'a Path,
}

impl<'a> Device<'a> {
    pub(super) fn root(&self) -> &'a Root {
        self.desktop.root
    }

    /// The emulator with `card` in the socket, to be run with a program and the words behind its name.
    pub(super) fn command(&self, card: &Image<'_>, words: &[&str]) -> Run {
        let program = words.first().copied().unwrap_or_default();
        let drive = format!("if=sd,format=raw,file={}", card.path().display());
        let run = CARD_BOARD.command(self.root(), &self.images.join(program), words, self.directory);
        run.args(["-drive", &drive])
    }

    /// Runs a program to its end; gives what it printed.
    pub(super) fn run(&self, card: &Image<'_>, words: &[&str]) -> Result<String, Stop> {
        self.command(card, words).text_within(RUN_MAX)
    }

    /// Runs a program that has to fail; gives what it printed.
    pub(super) fn fails(&self, card: &Image<'_>, words: &[&str]) -> Result<String, Stop> {
        self.command(card, words).fails_within(RUN_MAX)
    }
}

/// Builds the programs; gives where they are.
pub(super) fn set_up(root: &Root) -> Result<(Target, PathBuf), Stop> {
    let target = CARD_BOARD.set_up(root, "aof-firmware-sd-card")?;
    let images = target.release_directory(root);
    Ok((target, images))
}
