//! The page that shows what happens, in a real browser.

use exfilter_testing::{Rng, keys};

use crate::browser::Browser;
use crate::ui::{Page, key, post, strict};

const ROWS: &str = "document.querySelectorAll('#rows tr').length";
const BUTTONS: &str = "document.querySelectorAll('#rows button').length";

fn choose(outcome: &str, text: &str) -> String {
    format!(
        "(() => {{ const outcome = document.getElementById('outcome'), text = document.getElementById('text'); \
         outcome.value = '{outcome}'; outcome.dispatchEvent(new Event('change')); \
         text.value = '{text}'; text.dispatchEvent(new Event('input')); return {ROWS}; }})()"
    )
}

#[test]
fn a_browser_shows_the_page_and_approves() {
    let Some(mut browser) = Browser::start() else { return };
    let stage = strict();
    let page = Page::new(&stage);
    let mut rng = Rng::new(197);
    let (token, sure) = (key(&mut rng), String::from_utf8(keys::github(&mut rng, "ghp_")).unwrap());
    assert_eq!((post(&stage, "clean"), post(&stage, &token), post(&stage, &sure)), (200, 403, 403));

    // Whoever can only look has nothing to press.
    browser.open(&page.url(false));
    browser.until(&format!("{ROWS} === 3"));
    assert_eq!(browser.get(BUTTONS), 0);
    // The newest first.
    let text = |browser: &mut Browser, row: u32| -> String {
        let text = browser.get(&format!("document.querySelectorAll('#rows tr')[{row}].innerText"));
        text.as_str().unwrap_or_default().to_owned()
    };
    let (first, second, third) = (text(&mut browser, 0), text(&mut browser, 1), text(&mut browser, 2));
    assert!(first.contains("refused") && first.contains("github-pat (high): block"), "{first}");
    assert!(second.contains("refused") && second.contains("acme-key (medium): block in body"), "{second}");
    assert!(third.contains("sent") && third.contains("http://echo.example.com:80"), "{third}");

    // The filters.
    for (outcome, words, rows) in [
        ("refused", "", 2),
        ("refused", "ACME", 1),
        ("sent", "", 1),
        ("found", "", 2),
        ("", "github-pat", 1),
        ("", "nowhere", 0),
        ("approved", "", 0),
        ("", "", 3),
    ] {
        assert_eq!(browser.get(&choose(outcome, words)), rows, "{outcome} {words}");
    }

    // The address with the key, where the page is open already: one refusal of the two may be approved.
    browser.open(&page.url(true));
    browser.until(&format!("{ROWS} === 3 && {BUTTONS} === 1"));
    assert!(text(&mut browser, 1).contains("Approve once"));
    assert_eq!(post(&stage, &token), 403, "nobody has pressed it");
    browser.until(&format!("{ROWS} === 4 && {BUTTONS} === 2"));
    browser.get("document.querySelector('#rows button').click()");
    browser.until("document.querySelector('#rows button').innerText.startsWith('Really, to ')");
    assert_eq!(post(&stage, &token), 403, "nobody has confirmed it");
    browser.until(&format!("{ROWS} === 5 && {BUTTONS} === 3"));
    let other = "document.querySelector('#rows button')";
    assert_eq!(browser.get(&format!("{other}.innerText")), "Approve once", "the button belongs to its row");
    browser.get("[...document.querySelectorAll('#rows button')].find((b) => b.innerText.startsWith('Really')).click()");
    browser.until("document.body.innerText.includes('approved once')");
    assert_eq!(post(&stage, &token), 200);
    assert_eq!(post(&stage, &token), 403);
    browser.until(&format!("{ROWS} === 8"));
    assert_eq!(browser.get(&choose("approved", "")), 1);
    assert_eq!(browser.get(&choose("sent", "approved")), 1);
    assert!(text(&mut browser, 0).contains("acme-key (medium): report in body, approved once"));

    // Nothing of a secret, and nothing that was loaded from elsewhere.
    assert_eq!(browser.get(&choose("", "")), 8);
    let all = browser.get("document.documentElement.outerHTML");
    let all = all.as_str().unwrap();
    assert!(!all.contains(&token[6..16]) && !all.contains(&sure[6..16]));
    let origins =
        "performance.getEntriesByType('resource').every((entry) => entry.name.startsWith(location.origin))";
    assert_eq!(browser.get(origins), true);
}
