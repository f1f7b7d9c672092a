//! The report as one web page: it holds everything, asks for nothing, and follows the reader's light or dark.
//!
//! A policy in the page forbids every request and every script but its own, which a random nonce marks: were a name ever not escaped, it
//! could not act. Every text goes through [`text`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use exfilter_audit::{Find, Severity, date};

use super::shown::{Shown, remarks};
use super::table::summary;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes the page.
pub(super) fn write(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let nonce = nonce()?;
    let mut page = String::new();
    head(&nonce, &mut page);
    let _ = write!(page, "<h1>exfilter audit</h1>\n<p>{}.</p>\n", text(&summary(shown)));
    chart(shown, &mut page);
    secrets(shown, &mut page);
    capabilities(shown, &mut page);
    gaps(shown, &mut page);
    let _ = write!(page, "<script nonce=\"{nonce}\">\n{SCRIPT}</script>\n</body>\n</html>\n");
    out.write_all(page.as_bytes())
}

fn head(nonce: &str, page: &mut String) {
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>exfilter audit</title>\n<style nonce=\"{nonce}\">\n{STYLE}</style>\n</head>\n<body>\n"
    );
}

/// Bars of secrets by provider, each in parts by severity.
fn chart(shown: &Shown<'_>, page: &mut String) {
    /// Bars drawn; the others are one.
    const BARS: usize = 10;
    const ROW: usize = 24;
    let mut by_provider: BTreeMap<&str, BTreeMap<Severity, usize>> = BTreeMap::new();
    for find in &shown.finds {
        let provider = if find.provider.is_empty() { "other" } else { find.provider.as_str() };
        *by_provider.entry(provider).or_default().entry(find.severity).or_default() += 1;
    }
    if by_provider.is_empty() {
        return;
    }
    let total = |counts: &BTreeMap<Severity, usize>| counts.values().sum::<usize>();
    let mut bars: Vec<(&str, BTreeMap<Severity, usize>)> = by_provider.into_iter().collect();
    bars.sort_by(|a, b| total(&b.1).cmp(&total(&a.1)).then_with(|| a.0.cmp(b.0)));
    if bars.len() > BARS {
        let mut rest: BTreeMap<Severity, usize> = BTreeMap::new();
        for (_, counts) in bars.drain(BARS - 1..) {
            for (severity, n) in counts {
                *rest.entry(severity).or_default() += n;
            }
        }
        bars.push(("all others", rest));
    }
    let most = bars.iter().map(|bar| total(&bar.1)).max().unwrap_or(1).max(1);
    let height = bars.len() * ROW + 4;
    page.push_str("<h2>By provider and severity</h2>\n<p class=\"legend\">");
    for (severity, n) in shown.by_severity() {
        let word = severity.as_str();
        let _ = write!(page, "<span class=\"{word}\">\u{25a0} {word} {n}</span>");
    }
    let _ = write!(
        page,
        "</p>\n<svg viewBox=\"0 0 720 {height}\" width=\"720\" height=\"{height}\" role=\"img\" aria-label=\"secrets by provider and severity\">\n"
    );
    for (row, (provider, counts)) in bars.iter().enumerate() {
        let y = row * ROW + 2;
        let _ =
            write!(page, "<text x=\"190\" y=\"{}\" text-anchor=\"end\">{}</text>", y + 15, text(provider));
        let mut x = 200;
        for severity in Severity::ALL {
            let Some(n) = counts.get(&severity) else { continue };
            let width = (n * 460 / most).max(3);
            let word = severity.as_str();
            let _ = write!(
                page,
                "<rect class=\"{word}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"18\" rx=\"2\"><title>{n} {word}</title></rect>"
            );
            x += width + 1;
        }
        let _ = writeln!(page, "<text class=\"n\" x=\"{}\" y=\"{}\">{}</text>", x + 6, y + 15, total(counts));
    }
    page.push_str("</svg>\n");
}

fn secrets(shown: &Shown<'_>, page: &mut String) {
    if shown.finds.is_empty() {
        return;
    }
    page.push_str("<h2>Secrets that can be read</h2>\n<div class=\"scroll\"><table class=\"sortable\" id=\"secrets\"><thead><tr>");
    for head in ["severity", "provider", "what", "class", "where", "who can read it", "ends", "places"] {
        let _ = write!(page, "<th scope=\"col\"><button type=\"button\">{head}</button></th>");
    }
    page.push_str("</tr></thead><tbody>\n");
    for find in &shown.finds {
        secret(shown, find, page);
    }
    page.push_str("</tbody></table></div>\n");
}

fn secret(shown: &Shown<'_>, find: &Find, page: &mut String) {
    let severity = find.severity.as_str();
    let rank = Severity::ALL.iter().position(|one| *one == find.severity).unwrap_or(0);
    let first = find.places.first();
    let _ = write!(
        page,
        "<tr><td data-sort=\"{rank}\" class=\"s {severity}\">{severity}</td><td>{}</td>",
        text(&find.provider)
    );
    let preview = if find.preview.is_empty() {
        String::new()
    } else {
        format!(" <code>{}\u{2026}</code>", text(&find.preview))
    };
    let _ = write!(
        page,
        "<td data-sort=\"{}\">{}{preview}<br><span class=\"faint\">{}",
        text(&find.id),
        text(&find.opens),
        text(&find.id)
    );
    for remark in remarks(find) {
        let _ = write!(page, "; {}", text(&remark));
    }
    page.push_str("</span>");
    let _ = write!(page, "<details><summary>what to do</summary><ul>");
    for advice in &find.advice {
        let _ = write!(page, "<li>{}.</li>", text(advice.text()));
    }
    let _ = write!(page, "<li>Revoke: {}</li></ul></details></td>", link(&find.revoke));
    let class = class_rank(find);
    let _ = write!(page, "<td data-sort=\"{class}\">{}</td><td>", text(find.class.as_str()));
    if let Some(place) = first {
        let _ = write!(page, "<code>{}</code>", text(&shown.place(place)));
        if !place.tool.is_empty() {
            let _ = write!(page, " <span class=\"faint\">{}</span>", text(place.tool));
        }
    }
    if find.count() > 1 {
        let _ = write!(page, "<details><summary>all {}</summary><ul>", find.count());
        for place in &find.places {
            let _ = write!(page, "<li><code>{}</code></li>", text(&shown.place(place)));
        }
        if find.more_places > 0 {
            let _ = write!(page, "<li>and {} more</li>", find.more_places);
        }
        page.push_str("</ul></details>");
    }
    let exposure = first.map_or("", |place| place.exposure.as_str());
    let mode =
        first.and_then(|place| place.mode).map(|mode| format!(" <span class=\"faint\">{mode:04o}</span>"));
    let _ = write!(page, "</td><td>{exposure}{}</td>", mode.unwrap_or_default());
    let ends = find.expires.map(date).unwrap_or_default();
    let _ = writeln!(page, "<td>{ends}</td><td>{}</td></tr>", find.count());
}

/// Admin keys first.
fn class_rank(find: &Find) -> u8 {
    use exfilter::KeyClass;
    match find.class {
        KeyClass::Admin => 0,
        KeyClass::User => 1,
        KeyClass::Service => 2,
        KeyClass::Test => 3,
        _ => 4,
    }
}

fn capabilities(shown: &Shown<'_>, page: &mut String) {
    if shown.capabilities.is_empty() {
        return;
    }
    page.push_str("<h2>What can be done without any secret</h2>\n<div class=\"scroll\"><table class=\"sortable\" id=\"capabilities\"><thead><tr>");
    for head in ["severity", "what", "where"] {
        let _ = write!(page, "<th scope=\"col\"><button type=\"button\">{head}</button></th>");
    }
    page.push_str("</tr></thead><tbody>\n");
    for one in &shown.capabilities {
        let severity = one.severity.as_str();
        let rank = Severity::ALL.iter().position(|s| *s == one.severity).unwrap_or(0);
        let _ = writeln!(
            page,
            "<tr><td data-sort=\"{rank}\" class=\"s {severity}\">{severity}</td><td>{}<br><span class=\"faint\">{}.</span></td><td><code>{}</code></td></tr>",
            text(&one.opens),
            text(one.advice.text()),
            text(&shown.short(&one.name))
        );
    }
    page.push_str("</tbody></table></div>\n");
}

fn gaps(shown: &Shown<'_>, page: &mut String) {
    let report = shown.report;
    if !report.gaps.is_empty() {
        page.push_str("<h2>Not examined</h2>\n<ul>\n");
        for gap in &report.gaps {
            let _ = writeln!(
                page,
                "<li><code>{}</code> {}: {}</li>",
                text(&shown.short(&gap.name)),
                text(gap.reason),
                text(&gap.what)
            );
        }
        if report.unlisted_gaps > 0 {
            let _ = writeln!(page, "<li>and {} more</li>", report.unlisted_gaps);
        }
        page.push_str("</ul>\n");
    }
    if !report.skips.is_empty() {
        page.push_str("<h2>Skipped</h2>\n<ul>\n");
        for (reason, count, bytes) in &report.skips {
            let _ = writeln!(
                page,
                "<li>{count} {}: {} ({bytes} bytes not read)</li>",
                text(reason.as_str()),
                text(reason.describe())
            );
        }
        page.push_str("</ul>\n");
    }
}

/// Text between tags, or in an attribute in double quotes.
fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// An address as a link, any other words as they are. Rule files name addresses, so only plain `https` ones become links.
fn link(words: &str) -> String {
    let plain = words.starts_with("https://")
        && words.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    match plain {
        true => format!("<a rel=\"noreferrer noopener\" href=\"{0}\">{0}</a>", text(words)),
        false => text(words),
    }
}

/// 128 random bits in hexadecimal digits.
fn nonce() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| io::Error::other("the system gave no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(text("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    }

    #[test]
    fn only_plain_addresses_are_links() {
        assert!(link("https://example.com/a?b=c&d").contains("href=\"https://example.com/a?b=c&amp;d\""));
        for words in
            ["javascript:alert(1)", "https://e.example/\" onclick=\"x", "gh auth logout", "http://e.example"]
        {
            assert!(!link(words).contains("<a"), "{words}");
        }
    }

    #[test]
    fn what_the_page_is_made_of_asks_for_nothing() {
        for part in [STYLE, SCRIPT] {
            for word in ["http:", "https:", "url(", "@import", "fetch", "import(", "innerHTML", "eval"] {
                assert!(!part.contains(word), "{word}");
            }
        }
    }
}
