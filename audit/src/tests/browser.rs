//! The page for a browser: whole, harmless, and needing nothing else. `tests/suite` runs its script.

use super::folding::{access, ended, execution, folded};
use crate::report::{Html, Summary};
use crate::*;

/// Names that would be markup, end a script or turn the line around.
const NASTY: &[&str] = &[
    "/x/<img src=http://evil/ onerror=alert(1)>",
    "/x/</script><script>alert(1)</script>",
    "/x/<!--<script>",
    "/x/\"onclick=\"alert(1)",
    "/x/'a'&lt;",
    "/x/\u{202e}txt.exe",
];

fn nasty() -> Model {
    let mut events = vec![(1, Event::Started { child: 1, kin: Kin::Root })];
    for name in NASTY {
        events.push((1, execution(name)));
        events.push((1, access(Act::Create, name, None, Outcome::Done)));
        let kind = Escape::Daemon;
        let (call, detail) = (Text::from(*name), Text::from(*name));
        events.push((1, Event::Escape { kind, call, detail, outcome: Outcome::Done }));
        let endpoint = Endpoint::Unix(Text::from(*name));
        let (call, act, verdict) = (Text::from(*name), NetworkAct::Connect, Verdict::Host);
        let (part, outcome) = (Part::First, Outcome::Done);
        events.push((1, Event::Network { call, act, endpoint, part, verdict, outcome }));
    }
    events.push((1, ended(0)));
    let mut model = folded(&events);
    model.header.command = NASTY.iter().map(|name| name.as_bytes().to_vec()).collect();
    model.header.host = NASTY[0].to_owned();
    model.header.cwd = NASTY[1].as_bytes().to_vec();
    model
}

/// The tags of a page, in their order, without their attributes.
fn tags(page: &str) -> Vec<&str> {
    let pieces = page.split('<').skip(1);
    pieces.map(|piece| piece.split([' ', '>', '\n']).next().unwrap()).collect()
}

#[test]
fn names_never_become_markup() {
    let model = nasty();
    let page = Html(&Summary::of(&model)).to_string();
    let count = |tag: &str| tags(&page).iter().filter(|found| **found == tag).count();
    assert_eq!((count("script"), count("/script")), (2, 2), "{page}");
    assert_eq!(count("img"), 0);
    assert_eq!(count("!--<script>"), 0);
    let markup = page.split("<script").next().unwrap();
    assert!(!markup.contains("\"onclick"), "{markup}");
    assert!(!page.contains('\u{202e}'), "a mark that turns the line around");
    let open = tags(&page);
    for tag in ["table", "section", "tbody", "thead", "main", "header", "dl", "ul", "nav"] {
        let closed = format!("/{tag}");
        let closes = open.iter().filter(|found| **found == closed).count();
        assert_eq!(count(tag), closes, "{tag}");
        assert!(closes > 0, "{tag}");
    }
}

#[test]
fn the_page_asks_for_nothing_from_outside() {
    let model = folded(&[(1, Event::Started { child: 1, kin: Kin::Root })]);
    let page = Html(&Summary::of(&model)).to_string();
    assert!(page.contains("default-src 'none'"));
    for word in ["http://", "https://", "src=", "@import", "url(", "fetch(", "XMLHttp", "import("] {
        assert!(!page.contains(word), "{word} in {page}");
    }
    assert!(page.contains("<html lang=\"en\">") && page.contains("prefers-color-scheme: dark"));
}
