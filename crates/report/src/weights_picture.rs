// SPDX-License-Identifier: Apache-2.0
//! Draws the largest weight changes as a self-contained SVG file, readable on light and dark
//! backgrounds.

use crate::weights::relevant;
use protocol::weights::compare::{Change, Compared, Comparison};
use std::fmt::Write;

const ROWS: usize = 20;
const ROW_HEIGHT: usize = 22;
/// The width of the column of names. The bars use the rest.
const NAMES: f64 = 330.0;
const WIDTH: f64 = 860.0;
/// The most characters of a name that fit.
const NAME_LIMIT: usize = 44;

/// Draws the bars of the changes in time, and thinner ones below for proof size, from a line in the
/// middle.
pub fn svg(comparison: &Comparison) -> String {
    let changed = relevant(comparison).into_iter().filter(|one| one.change == Change::Changed);
    let rows: Vec<&Compared> = changed.take(ROWS).collect();
    let both = |row: &Compared| [row.by_method.ref_time.growth(), row.by_method.proof_size.growth()];
    let finite = rows.iter().flat_map(|row| both(row)).map(f64::abs).filter(|percent| percent.is_finite());
    let most = finite.fold(1.0, f64::max);
    let height = 70 + ROW_HEIGHT * rows.len().max(1);
    let middle = NAMES + (WIDTH - NAMES) / 2.0;
    // Leave room for a number at both ends.
    let unit = ((WIDTH - NAMES) / 2.0 - 80.0) / most;

    let mut page = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>Largest changes of weights</title>\n\
         <style>\n\
         text {{ font: 12px sans-serif; fill: #1f2328; }} .page {{ fill: #ffffff; }} .line {{ stroke: #8c959f; }}\n\
         .more {{ fill: #bc4c00; }} .less {{ fill: #1a7f37; }} .proof {{ opacity: 0.5; }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3; }} .page {{ fill: #0d1117; }} .more {{ fill: #db6d28; }} .less {{ fill: #3fb950; }} }}\n\
         </style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n"
    );
    let heading = format!("{} to {}, by {}", comparison.old, comparison.new, comparison.options.method.name());
    let _ = writeln!(page, "<text x=\"10\" y=\"20\">{}</text>", escaped(&heading, 110));
    let _ = writeln!(page, "<text x=\"10\" y=\"40\">thick: time, thin: proof size, in percent</text>");
    let bottom = height - 10;
    let _ = writeln!(page, "<line class=\"line\" x1=\"{middle}\" y1=\"50\" x2=\"{middle}\" y2=\"{bottom}\"/>");
    if rows.is_empty() {
        let _ = writeln!(page, "<text x=\"10\" y=\"70\">nothing changed</text>");
    }
    for (place, row) in rows.iter().enumerate() {
        let top = 55 + place * ROW_HEIGHT;
        let name = format!("{}::{}", row.pallet, row.extrinsic);
        let _ = writeln!(page, "<text x=\"10\" y=\"{}\">{}</text>", top + 11, escaped(&name, NAME_LIMIT));
        let [time, proof] = both(row);
        for (percent, class, offset, thick) in [(time, "", 0, 10), (proof, " proof", 11, 4)] {
            bar(&mut page, percent, (middle, unit, most), (class, top + offset, thick));
        }
    }
    page.push_str("</svg>\n");
    page
}

fn bar(
    page: &mut String,
    percent: f64,
    (middle, unit, most): (f64, f64, f64),
    (class, top, thick): (&str, usize, usize),
) {
    if percent == 0.0 {
        return;
    }
    let length = percent.abs().min(most) * unit;
    let (side, start) = if percent > 0.0 { ("more", middle) } else { ("less", middle - length) };
    let _ = writeln!(
        page,
        "<rect class=\"{side}{class}\" x=\"{start:.1}\" y=\"{top}\" width=\"{length:.1}\" height=\"{thick}\"/>"
    );
    if class.is_empty() {
        let figure = if percent.is_finite() { format!("{percent:+.1} %") } else { "from 0".into() };
        let (at, anchor) =
            if percent > 0.0 { (middle + length + 5.0, "start") } else { (middle - length - 5.0, "end") };
        let _ = writeln!(page, "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{figure}</text>", top + 10);
    }
}

/// Escapes text and shortens it to `limit` characters.
fn escaped(text: &str, limit: usize) -> String {
    let cut = text.chars().count() > limit;
    let mut escaped = String::new();
    for character in text.chars().take(if cut { limit.saturating_sub(1) } else { limit }) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other if other.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&other) => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    if cut {
        escaped.push('…');
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::tests::{compared, comparison, pair};

    fn row(pallet: &str, old: u64, new: u64) -> Compared {
        compared(pallet, "f", pair(old, new), pair(0, 0))
    }

    #[test]
    fn bars_are_as_long_as_their_changes() {
        let page = svg(&comparison(vec![row("x", 100, 150), row("y", 100, 75), row("z", 0, 5)]));
        // The longest bar, 185 wide, is 50 %. The bar of 25 % is half as long. Growth from 0 is as
        // long as the longest.
        assert_eq!(page.matches("class=\"more\" x=\"595.0\"").count(), 2, "{page}");
        assert_eq!(page.matches("width=\"185.0\"").count(), 2, "{page}");
        assert!(
            page.contains("class=\"less\" x=\"502.5\"") && page.contains("width=\"92.5\"") && page.contains("-25.0 %")
        );
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("from 0"));
    }

    #[test]
    fn hostile_names_stay_text() {
        let hostile = Comparison {
            old: "</text><script>".into(),
            new: "b&\u{7}".into(),
            ..comparison(vec![row(&"<\"é'>".repeat(40), 1, 9)])
        };
        let page = svg(&hostile);
        assert!(
            !page.contains("<script") && !page.contains('\u{7}') && page.contains("&lt;/text&gt;&lt;script&gt;"),
            "{page}"
        );
        assert!(page.contains('…'));
        assert!(svg(&comparison(Vec::new())).contains("nothing changed"));
    }
}
