//! The HTML report in a browser: what it shows, that its search works, and that it asks for nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use vrift_audit::{Act, Escape, Event, Outcome};

use super::audit_report::Made;
use super::kit::{Sandbox, have, run};

/// Works the page as somebody would, and leaves what it saw in the title.
const VISIT: &str = r##"
const seen = {};
const rows = (id) => [...document.querySelectorAll("#" + id + " tr")].map((tr) => tr.cells[id === "files" ? 0 : 1].textContent);
const enter = (id, value, kind) => {
  const field = document.getElementById(id);
  field.value = value;
  field.dispatchEvent(new Event(kind));
};
seen.files = rows("files");
seen.processes = rows("processes");
seen.bars = document.querySelectorAll(".bar").length;
enter("search", "A.H src", "input");
seen.found = rows("files");
enter("search", "", "input");
enter("role", "output", "change");
seen.outputs = rows("files");
enter("role", "", "change");
document.getElementById("files-more").click();
seen.more = rows("files").length;
enter("find", "nothing of this name", "input");
seen.none = rows("processes");
seen.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
seen.images = document.images.length;
seen.scripts = document.scripts.length;
document.title = "seen:" + btoa(unescape(encodeURIComponent(JSON.stringify(seen)))) + ":";
"##;

/// What a headless browser makes of a page: its title, and what it said on its console.
fn visited(page: &Path) -> (String, String) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let mut browser = Command::new("chromium");
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
    browser.args(["--enable-logging=stderr", "--dump-dom", "--disable-background-networking"]);
    browser.arg(format!("--user-data-dir={}", home.path().display())).env("HOME", home.path());
    let ran = run(browser.arg(format!("file://{}", page.display())));
    let dom = ran.out();
    let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
    (title.unwrap_or_default().to_owned(), ran.err())
}

#[test]
fn the_page_works_in_a_browser() {
    if !have("chromium") || !have("base64") {
        return;
    }
    let sandbox = Sandbox::new();
    let nasty = "/src/</script><script>document.images.x</script><img src=x>";
    let mut made = Made::new(&["cc", "-c", nasty], &[]);
    made.read("/src/a.h", "header");
    made.leave(nasty, "object");
    for number in 0..400 {
        made.did(Act::Probe, &format!("/usr/include/{number}.h"), None);
    }
    let kind = Escape::Daemon;
    let (call, detail) = ("connect".into(), nasty.into());
    made.events.push(Event::Escape { kind, call, detail, outcome: Outcome::Done });
    let record = made.written(&sandbox, "a.rec");
    let page = sandbox.path("page.html");
    let mut vrift = sandbox.vrift(["audit", "report", "--format", "html", "-o"]);
    run(vrift.arg(&page).arg(&record)).fine();
    let text = fs::read_to_string(&page).expect("it was just written");
    let visit = text.replace("</body>", &format!("<script>{VISIT}</script></body>"));
    fs::write(&page, visit).expect("it is ours");

    let (title, log) = visited(&page);
    let Some(coded) = title.strip_prefix("seen:").and_then(|rest| rest.strip_suffix(':')) else {
        panic!("the browser did not come to the end: {title:?}\n{log}")
    };
    let mut decode = sandbox.command("sh");
    let json = run(decode.args(["-c", "printf %s \"$1\" | base64 -d", "sh", coded])).fine();
    let seen: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(seen["files"].as_array().map(Vec::len), Some(250), "{seen}");
    assert_eq!(seen["files"][0], nasty, "it is text");
    assert_eq!(seen["more"], 402);
    assert_eq!(seen["found"], serde_json::json!(["/src/a.h"]));
    assert_eq!(seen["outputs"], serde_json::json!([nasty]));
    assert_eq!(seen["processes"][0], format!("cc -c '{nasty}'"));
    assert_eq!((&seen["bars"], &seen["none"]), (&1.into(), &serde_json::json!([])));
    assert_eq!(seen["requests"], serde_json::json!([]), "the page needs nothing else");
    assert_eq!(
        (&seen["images"], &seen["scripts"]),
        (&0.into(), &3.into()),
        "two of ours, one above"
    );
    assert!(!log.contains("CONSOLE"), "{log}");
}
