//! What the page shows in a real browser, and how it can be used: its numbers, its links, its filter, by
//! keyboard and by what a screen reader is told, on a phone, in the dark, without JavaScript.

use super::browser::Browser;
use super::{inspect, many, page};
use crate::util::{file, replica};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A directory with the page about the recorded cluster.
fn recorded() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let page = page(directory.path(), &[&replica(0), &replica(1), &replica(2)]);
    (directory, page)
}

fn assert_no_trouble(browser: &Browser) {
    assert_eq!(browser.troubles(), [""; 0]);
}

/// The dd of a part's dt.
fn fact(browser: &Browser, part: &str, label: &str) -> String {
    let find = format!(
        "[...document.querySelectorAll('{part} dt')].find((dt) => dt.textContent === \
         '{label}')?.nextSibling.textContent"
    );
    browser.eval(&find).as_str().unwrap_or_else(|| panic!("no {label} in {part}")).to_owned()
}

#[test]
fn page_shows_the_numbers_of_the_json() {
    let Some(browser) = Browser::start() else { return };
    let (_directory, page) = recorded();
    browser.open(&page);
    assert_no_trouble(&browser);
    let (report, _) = inspect(&[&replica(0), &replica(1), &replica(2)]);
    assert_eq!(browser.text("h1"), "WHOLE together the 3 logs hold every op from 1 to 3221");
    assert_eq!(fact(&browser, ".tiles", "Entries"), "8,868");
    assert_eq!(fact(&browser, ".tiles", "Ops"), "1 to 3221");
    assert_eq!(fact(&browser, ".tiles", "Findings"), "4");
    for (at, file) in report["files"].as_array().unwrap().iter().enumerate() {
        let part = format!("#log-{at}");
        assert_eq!(browser.text(&format!("{part} h3")), file["file"].as_str().unwrap());
        let chain = fact(&browser, &part, "Data checksum chain");
        assert_eq!(chain, file["data_checksum_chain"].as_str().unwrap());
        let entries = fact(&browser, &part, "Entries").replace(',', "");
        assert!(entries.starts_with(&file["entries"].to_string()), "{entries}");
        // The table of operations has the JSON's counts.
        let rows =
            browser.eval(&format!("document.getElementById('operations-{at}').tBodies[0].rows.length"));
        assert_eq!(rows, file["operations"].as_array().unwrap().len());
        // The bars of both charts stand for something.
        assert!(browser.count(&format!("{part} .plot rect")) > 10);
    }
    let lacks = browser.eval(
        "[...document.querySelectorAll('#lacks tbody tr')].map((row) => \
                              [...row.cells].map((cell) => cell.textContent))",
    );
    assert_eq!((&lacks[0][1], &lacks[0][2]), (&json!("823-959"), &json!("137")));
    assert_eq!((&lacks[1][1], &lacks[1][2]), (&json!("1112-2879"), &json!("1,768")));
    // The hole of r0 is drawn where it is: at ops 823 to 959 of 3221.
    let share = browser.eval(
        "(() => { const bar = document.querySelectorAll('.map-row svg')[0].getBoundingClientRect(); \
         const hole = document.querySelector('.map-row svg .lacking').getBoundingClientRect(); \
         return [(hole.left - bar.left) / bar.width, (hole.right - bar.left) / bar.width]; })()",
    );
    let (left, right) = (share[0].as_f64().unwrap(), share[1].as_f64().unwrap());
    assert!((left - 822.0 / 3221.0).abs() < 0.005 && (right - 959.0 / 3221.0).abs() < 0.005, "{share}");
}

#[test]
fn findings_are_filtered_and_linked_with_the_map_both_ways() {
    let Some(browser) = Browser::start() else { return };
    let (_directory, page) = recorded();
    browser.open(&page);
    let shown = || {
        let rows = "[...document.querySelectorAll('#finding-table tbody tr')].filter((row) => \
                    row.offsetHeight > 0).length";
        (browser.eval(rows).as_u64().unwrap(), browser.text("#filter-count"))
    };
    let filter = |id: &str, value: &str| {
        browser.eval(&format!(
            "(() => {{ const field = document.getElementById('{id}'); field.value = {}; \
             field.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()",
            json!(value)
        ));
    };
    assert_eq!(shown(), (4, "4 of 4 shown".into()));
    filter("filter-kind", "gap");
    assert_eq!(shown(), (2, "2 of 4 shown".into()));
    filter("filter-log", "2");
    assert_eq!(shown(), (1, "1 of 4 shown".into()));
    filter("filter-text", "1112 TO 2879");
    assert_eq!(shown(), (1, "1 of 4 shown".into()));
    filter("filter-text", "nowhere");
    assert_eq!(shown(), (0, "0 of 4 shown".into()));

    // From a mark on the map to a row that the filter hides.
    assert!(browser.count("svg a[href^='#f']") >= 4);
    browser.eval(
        "document.querySelector(\"svg a[href^='#f']\").dispatchEvent(new MouseEvent('click', { \
                  bubbles: true, cancelable: true, view: window }))",
    );
    browser.eval("new Promise((done) => setTimeout(done, 200))");
    assert_eq!(shown(), (4, "4 of 4 shown".into()), "the filter is gone");
    let target = browser.eval("document.querySelector(':target')?.id + ' ' + document.activeElement.id");
    assert_eq!(target, "f0 f0", "the row is the target, and has the focus");
    // And back.
    browser.eval("document.querySelector('#f0 a').click()");
    browser.eval("new Promise((done) => setTimeout(done, 200))");
    let target = browser.eval(
        "[document.querySelector(':target').closest('svg') !== null, \
                               document.querySelector(':target').getAttribute('href')]",
    );
    assert_eq!(target, json!([true, "#f0"]));
    browser.eval("document.querySelector('#filter button').click()");
    assert_no_trouble(&browser);
}

#[test]
fn page_is_used_by_keyboard_alone() {
    let Some(browser) = Browser::start() else { return };
    let (_directory, page) = recorded();
    browser.open(&page);
    browser.press("Tab", 9);
    assert_eq!(browser.eval("document.activeElement.textContent"), "To the report");
    let seen = browser.eval("document.activeElement.getBoundingClientRect().left >= 0");
    assert_eq!(seen, true, "the skip link is seen when it has the focus");
    browser.press("Enter", 13);
    assert_eq!(browser.eval("location.hash + ' ' + document.activeElement.id"), "#main main");
    // Everything that can be used is reached in turn, and shows that it has the focus.
    let mut reached = Vec::new();
    for _ in 0..80 {
        browser.press("Tab", 9);
        let element = browser.eval(
            "(() => { const at = document.activeElement; const seen = getComputedStyle(at); \
             const reach = at.querySelector ? at.querySelector('.reach') : null; \
             const shows = seen.outlineStyle !== 'none' || (reach && getComputedStyle(reach).stroke !== \
             'none'); \
             return [at.tagName.toLowerCase(), at.getAttribute('href') ?? at.id, shows, at === \
             document.body]; })()",
        );
        if element[3] == true {
            break;
        }
        assert_eq!(element[2], true, "{element} does not show that it has the focus");
        reached.push(format!("{} {}", element[0].as_str().unwrap(), element[1].as_str().unwrap_or_default()));
    }
    for wanted in
        ["a #f0", "a #f3", "a #log-2", "summary ", "input filter-text", "select filter-kind", "button "]
    {
        assert!(reached.iter().any(|element| element == wanted), "{wanted} in {reached:?}");
    }
}

#[test]
fn screen_reader_is_told_names_and_structure() {
    let Some(browser) = Browser::start() else { return };
    let (_directory, page) = recorded();
    browser.open(&page);
    let tree = browser.call("Accessibility.getFullAXTree", &json!({}));
    let nodes: Vec<_> =
        tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != true).collect();
    let role = |node: &Value| node["role"]["value"].as_str().unwrap_or_default().to_owned();
    let name = |node: &Value| node["name"]["value"].as_str().unwrap_or_default().to_owned();
    let of = |wanted: &str| {
        nodes.iter().filter(|node| role(node) == wanted).map(|node| name(node)).collect::<Vec<_>>()
    };
    assert_eq!((of("main").len(), of("navigation").len(), of("search").len()), (1, 1, 1));
    for named in ["link", "button", "image", "table", "region", "combobox", "searchbox", "img"] {
        for (at, name) in of(named).iter().enumerate() {
            assert!(!name.trim().is_empty(), "{named} {at} has no name");
        }
    }
    let tables = of("table");
    for table in ["Operations", "Views", "Clients", "What is missing, and who has it"] {
        assert!(tables.iter().any(|name| name == table), "{table} in {tables:?}");
    }
    assert!(of("columnheader").len() >= 20 && of("rowheader").len() >= 20);
    let everything = nodes.iter().map(|node| name(node)).collect::<Vec<_>>().join("\n");
    for text in [
        "holds ops 1-822, 960-3221",
        "1 finding at ops 960 to ",
        "op 960, show on the map",
        "Entries over time: peak ",
    ] {
        assert!(everything.contains(text), "{text}");
    }
    // Headings go down by one level at a time.
    let levels = browser
        .eval("[...document.querySelectorAll('h1, h2, h3')].map((heading) => Number(heading.tagName[1]))");
    let levels: Vec<_> = levels.as_array().unwrap().iter().map(|level| level.as_u64().unwrap()).collect();
    assert!(levels[0] == 1 && levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    assert_eq!(browser.eval("document.documentElement.lang"), "en");
}

/// The lowest contrast of text with what is behind it, and where: WCAG asks for 4.5.
const CONTRAST: &str = "(() => {
    const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = parse(getComputedStyle(at).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    };
    let worst = [99, ''];
    for (const element of document.querySelectorAll('main *, header *, footer *')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || element.closest('svg') || element.offsetHeight === 0) continue;
        const [one, other] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        const where = element.tagName + '.' + element.className + ' ' + element.textContent.slice(0, 40);
        if (ratio < worst[0]) worst = [ratio, where];
    }
    return worst;
})()";

#[test]
fn page_fits_phones_and_desks_and_is_readable_in_the_dark() {
    let Some(browser) = Browser::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(replica(1)).unwrap();
    bytes[1_000_000] ^= 1;
    let damaged = file(&directory, "damaged.aof", &bytes);
    let page = page(directory.path(), &[&replica(0), &damaged, &replica(2)]);
    let mut backgrounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.scheme(scheme);
        for (form, width) in [("phone", 360), ("tablet", 768), ("desk", 1280), ("wall", 2560)] {
            browser.size(width, 900);
            browser.open(&page);
            let overflow =
                browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(overflow, 0, "{form}: the page is wider than the window");
            browser.picture(&format!("{form}-{scheme}"), true);
        }
        let worst = browser.eval(CONTRAST);
        assert!(worst[0].as_f64().unwrap() >= 4.5, "{scheme}: {worst}");
        backgrounds.push(browser.eval("getComputedStyle(document.body).backgroundColor"));
        assert_no_trouble(&browser);
    }
    assert_ne!(backgrounds[0], backgrounds[1]);
    assert_eq!(browser.text("h1 .word"), "DAMAGED");
    assert_eq!(browser.count("#findings tr.fault"), 1);
    assert_eq!(browser.count("svg .mark-fault"), 1);
    // On paper it is light again, and has no filter.
    browser.call(
        "Emulation.setEmulatedMedia",
        &json!({"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]}),
    );
    assert_eq!(browser.eval("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
    assert_eq!(browser.eval("document.getElementById('filter').offsetHeight"), 0);
    let worst = browser.eval(CONTRAST);
    assert!(worst[0].as_f64().unwrap() >= 4.5, "print: {worst}");
}

#[test]
fn without_javascript_all_is_there_but_the_filter() {
    let Some(browser) = Browser::start() else { return };
    let (_directory, page) = recorded();
    browser.call("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    browser.open(&page);
    assert_eq!(browser.eval("document.getElementById('filter').offsetHeight"), 0);
    assert_eq!(browser.count("#finding-table tbody tr"), 4);
    assert_eq!(browser.count("#log-1[open]"), 1);
}

#[test]
fn hostile_names_are_shown_and_not_obeyed() {
    let Some(browser) = Browser::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let names = [
        "<img src=x onerror=\"document.title='obeyed'\">.aof",
        "\"' autofocus onfocus=alert(1) x='&lt;b&gt;.aof",
        "a\u{202e}b\u{2066}\n\u{1}\u{1b}[31m.aof",
        "--><script>document.title='obeyed'<!--.aof",
    ];
    // A slash is possible where a directory has a part of the name.
    let inner = directory.path().join("x<");
    std::fs::create_dir(&inner).unwrap();
    let mut paths = vec![inner.join("script><script>document.title='obeyed'")];
    paths.extend(names.iter().map(|name| directory.path().join(name)));
    for path in &paths {
        std::fs::copy(replica(2), path).unwrap();
    }
    let files: Vec<_> = paths.iter().map(PathBuf::as_path).collect();
    let (report, _) = inspect(&files);
    browser.open(&page(directory.path(), &files));
    assert_no_trouble(&browser);
    assert!(browser.eval("document.title").as_str().unwrap().ends_with("aof inspect"));
    assert_eq!((browser.count("img"), browser.count("script"), browser.count("[onfocus]")), (0, 1, 0));
    assert_eq!(browser.count("details.log"), 5);
    let shown =
        browser.eval("[...document.querySelectorAll('details.log h3')].map((name) => name.textContent)");
    for (at, file) in report["files"].as_array().unwrap().iter().enumerate() {
        let name = shown[at].as_str().unwrap();
        assert!(!name.contains(['\u{202e}', '\u{2066}', '\u{1}', '\u{1b}', '\n']), "{name:?}");
        if at != 3 {
            assert_eq!(name, file["file"].as_str().unwrap(), "text is text");
        } else {
            assert!(name.ends_with(r"a\u{202e}b\u{2066}\n\u{1}\u{1b}[31m.aof"), "{name}");
        }
    }
    let options = browser
        .eval("[...document.querySelectorAll('#filter-log option')].map((option) => option.textContent)");
    assert!(
        options.as_array().unwrap().iter().any(|name| name.as_str().unwrap().contains("onerror")),
        "{options}"
    );
}

#[test]
fn page_about_300_000_entries_and_100_000_findings_works() {
    let Some(browser) = Browser::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let page = page(directory.path(), &[&many(directory.path())]);
    browser.open(&page);
    assert_no_trouble(&browser);
    assert_eq!(fact(&browser, ".tiles", "Entries"), "300,000");
    assert_eq!(fact(&browser, ".tiles", "Findings"), "100,000");
    assert_eq!(browser.count("#finding-table tbody tr"), 2000);
    assert!(browser.text("#omitted").starts_with("98,000 findings are not in this table"));
    assert!(browser.count("*") < 25_000, "{} elements", browser.count("*"));
    browser.eval(
        "(() => { const field = document.getElementById('filter-text'); field.value = 'op 1000'; \
                  field.dispatchEvent(new Event('input', { bubbles: true })); })()",
    );
    assert!(browser.text("#filter-count").ends_with(" of 2000 shown"));
    browser.picture("many", false);
}

/// Heads stood to the right and numbers to the left in two tables; a command and tables were cut on a phone
/// without a sign that there is more.
#[test]
fn numbers_stand_below_their_heads_and_what_scrolls_shows_it() {
    let Some(browser) = Browser::start() else { return };
    let (_directory, page) = recorded();
    browser.size(320, 700);
    browser.open(&page);
    let apart = browser.eval(
        "[...document.querySelectorAll('table')].flatMap((table) => [...table.tBodies[0].rows].flatMap((row) => \
         [...row.cells].filter((cell) => getComputedStyle(cell).textAlign !== \
         getComputedStyle(table.tHead.rows[0].cells[cell.cellIndex]).textAlign && cell.className !== 'bar')\
         .map((cell) => table.id + ': ' + cell.textContent)))",
    );
    assert_eq!(apart, json!([]));
    let command = browser.eval(
        "(() => { const pre = document.querySelector('pre'); return pre.scrollWidth - pre.clientWidth; })()",
    );
    assert_eq!(command, 0, "the command is all seen");
    let scrolls = browser.eval(
        "[...document.querySelectorAll('.wide')].filter((table) => table.scrollWidth > table.clientWidth)\
         .map((table) => getComputedStyle(table).backgroundAttachment)",
    );
    let scrolls = scrolls.as_array().unwrap();
    assert!(!scrolls.is_empty(), "nothing scrolls: the test looks at nothing");
    assert!(scrolls.iter().all(|shadow| shadow == "local, local, scroll, scroll"), "{scrolls:?}");
    browser.picture("narrow-light", true);
    browser.scheme("dark");
    browser.picture("narrow-dark", true);
    assert_no_trouble(&browser);
}
