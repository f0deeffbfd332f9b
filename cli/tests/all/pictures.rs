//! The pictures of plans and risks in a real browser: light and dark, wide and narrow.

use std::path::Path;

use serde_json::Value;

use crate::people::tool;
use crate::place::Place;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples/helix.yaml");

/// Shows a picture in a window, and gives back what `pictures.js` saw of it.
fn seen(folder: &Path, svg: &str, width: u32, dark: bool) -> Value {
    let script = include_str!("pictures.js");
    let page = format!("<!doctype html><meta charset=utf-8><body style=\"margin:0\">{svg}<script>{script}</script>");
    std::fs::write(folder.join("page.html"), page).unwrap();
    let (profile, address) = (folder.join("profile"), format!("file://{}", folder.join("page.html").display()));
    let window = format!("--window-size={width},800");
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
    let profile = format!("--user-data-dir={}", profile.display());
    let (ok, out) = tool(
        folder,
        "chromium-headless-shell",
        &[
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
            &profile,
            &window,
            &scheme,
            "--dump-dom",
            &address,
        ],
    );
    assert!(ok, "{out}");
    let json = out.split("SEEN").nth(1).and_then(|rest| rest.split("END").next()).unwrap_or_else(|| panic!("nothing was seen: {out}"));
    serde_json::from_str(&json.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")).unwrap()
}

#[test]
fn pictures_can_be_read_in_light_and_dark_wide_and_narrow() {
    let place = Place::new();
    for (args, texts, fields) in [
        (&["plan", "graph", "--format", "svg"][..], 20, 10),
        (&["plan", "graph", "--format", "svg", "--workflow", "restore-lims"], 20, 10),
        (&["register", "matrix", "--format", "svg"], 40, 25),
    ] {
        let all: Vec<&str> = ["--plan", EXAMPLE].into_iter().chain(args.iter().copied()).collect();
        let svg = place.run(all).exits(0).out;
        let mut papers = Vec::new();
        for (width, dark) in [(1600, false), (1600, true), (500, false), (500, true)] {
            let seen = seen(place.path(), &svg, width, dark);
            assert_eq!(seen["found"], serde_json::json!([]), "{args:?} at {width}, dark: {dark}\n{seen}");
            assert_eq!(seen["dark"], dark, "{seen}");
            let number = |key: &str| seen[key].as_f64().unwrap();
            assert!(number("texts") >= f64::from(texts) && number("fields") >= f64::from(fields), "{args:?}: {seen}");
            assert!(number("size") > 6.0, "letters that nobody can read: {args:?} at {width}: {seen}");
            papers.push(seen["paper"].clone());
        }
        assert_ne!(papers[0], papers[1], "{args:?}: dark has a paper of its own");
    }
}

/// The picture of a wide workflow is made smaller in a narrow window, as far as it can be read.
#[test]
fn a_picture_fits_a_window_that_is_a_little_too_narrow() {
    let place = Place::new();
    let svg = place.run(["--plan", EXAMPLE, "plan", "graph", "--format", "svg"]).exits(0).out;
    let (wide, narrow) = (seen(place.path(), &svg, 1600, false), seen(place.path(), &svg, 700, false));
    assert!(wide["width"].as_f64().unwrap() > 700.0, "{wide}");
    assert!(narrow["width"].as_f64().unwrap() <= 700.0, "{narrow}");
}
