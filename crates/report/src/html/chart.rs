// SPDX-License-Identifier: Apache-2.0
//! What each block took of what a block may take, as bars.

use super::element::text;
use crate::field::{milliseconds, number, size};
use serde_json::Value;
use std::fmt::Write as _;

const LEFT: f64 = 150.0;
const WIDTH: f64 = 420.0;
const ROW: f64 = 20.0;
/// More bars than this are read by nobody; the table below has them all.
const MOST: usize = 60;

/// Bars of `field` for each block, as wide as the limit where that is known.
pub fn blocks(blocks: &[Value], dry_run: &Value, field: &str) -> String {
    let value = |block: &Value| number(block, &format!("/{field}")).unwrap_or_default().max(0.0);
    let limit = number(dry_run, &format!("/limits/{field}")).filter(|limit| *limit > 0.0);
    let largest = blocks.iter().map(value).fold(0.0, f64::max);
    if largest == 0.0 {
        return String::new();
    }
    // A limit far above everything would leave nothing to see: then the largest block is the scale, and the words say it.
    let scale = limit.filter(|limit| *limit <= largest * 4.0).unwrap_or(0.0).max(largest);
    let told = |block: &Value| match field {
        "ref_time" => milliseconds(block, "/ref_time"),
        _ => size(block, &format!("/{field}")),
    };
    let shown = &blocks[..blocks.len().min(MOST)];
    let height = ROW * (shown.len() as f64 + 1.0) + 8.0;
    let share = limit.map_or(String::new(), |limit| format!("; at most {:.1} % of the limit", largest / limit * 100.0));
    let title = format!("{field} of each block{share}");
    let mut svg = format!(
        "<svg role=\"img\" viewBox=\"0 0 {:.0} {height:.0}\" width=\"{:.0}\" aria-label=\"{title}\">\n<text x=\"0\" y=\"14\">{title}</text>\n",
        LEFT + WIDTH + 130.0,
        LEFT + WIDTH + 130.0,
        title = text(&title),
    );
    for (index, block) in shown.iter().enumerate() {
        let top = ROW * (index as f64 + 1.0);
        let name = format!("{} {}", crate::field::text(block, "/number"), crate::field::text(block, "/phase"));
        let width = value(block) / scale * WIDTH;
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"0\" y=\"{:.0}\">{}</text><rect class=\"bar\" x=\"{LEFT}\" y=\"{:.0}\" width=\"{width:.1}\" height=\"{:.0}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\">{}</text>",
            top + 14.0,
            text(&name),
            top + 3.0,
            ROW - 6.0,
            LEFT + width + 6.0,
            top + 14.0,
            text(&told(block)),
        );
    }
    if let Some(limit) = limit.filter(|limit| *limit <= scale) {
        let at = LEFT + limit / scale * WIDTH;
        let _ = writeln!(svg, "<line class=\"limit\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{ROW}\" y2=\"{height:.0}\"/>");
    }
    svg.push_str("</svg>\n");
    svg
}
