// SPDX-License-Identifier: Apache-2.0
//! Bars beside numbers. The numbers are text, so the bars have no labels and can shrink to the
//! width of a phone.

/// Draws the used share of a limit. The full width is the limit. The colour shows if it is
/// exceeded.
pub fn of_limit(percent: f64) -> String {
    let class_name = if percent > 100.0 {
        "over"
    } else if percent >= 80.0 {
        "near"
    } else {
        "used"
    };
    svg(&format!(
        "<rect class=\"{class_name}\" x=\"0\" y=\"0\" width=\"{:.2}\" height=\"6\"/>",
        percent.clamp(0.0, 100.0)
    ))
}

/// Draws a change from a line in the middle: growth to the right, decrease to the left. Each side
/// is `most` percent wide.
pub fn of_change(percent: f64, most: f64) -> String {
    let length = (percent.abs() / most).min(1.0) * 50.0;
    let (class_name, start) = if percent > 0.0 { ("over", 50.0) } else { ("less", 50.0 - length) };
    svg(&format!(
        "<rect class=\"{class_name}\" x=\"{start:.2}\" y=\"0\" width=\"{length:.2}\" height=\"6\"/>\
         <line x1=\"50\" x2=\"50\" y1=\"0\" y2=\"6\"/>"
    ))
}

/// A part of a bar, from one percentage of its width to another.
pub struct Span {
    pub start: f64,
    pub end: f64,
    /// The CSS class that colours it.
    pub class: &'static str,
}

/// Draws parts of the full width.
pub fn of_spans(spans: &[Span]) -> String {
    let rectangles = spans.iter().map(|Span { start, end, class }| {
        let (start, end) = (start.clamp(0.0, 100.0), end.clamp(0.0, 100.0));
        let width = (end - start).max(0.0);
        format!("<rect class=\"{class}\" x=\"{start:.2}\" y=\"0\" width=\"{width:.2}\" height=\"6\"/>")
    });
    svg(&rectangles.collect::<String>())
}

fn svg(content: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"whole\" x=\"0\" y=\"0\" width=\"100\" height=\"6\"/>{content}</svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert!(of_limit(12.5).contains("<rect class=\"used\" x=\"0\" y=\"0\" width=\"12.50\""));
        assert!(of_limit(80.0).contains("class=\"near\""));
        assert!(of_limit(250.0).contains("<rect class=\"over\" x=\"0\" y=\"0\" width=\"100.00\""));
        assert!(of_change(50.0, 100.0).contains("<rect class=\"over\" x=\"50.00\" y=\"0\" width=\"25.00\""));
        assert!(of_change(-400.0, 100.0).contains("<rect class=\"less\" x=\"0.00\" y=\"0\" width=\"50.00\""));
        assert!(of_change(f64::INFINITY, 100.0).contains("width=\"50.00\""));
    }
}
