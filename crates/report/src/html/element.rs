// SPDX-License-Identifier: Apache-2.0
//! Pieces of a page. What is called `content` is markup already; everything else is text and is made harmless here.

/// Text, so that nothing in it is markup. Characters that turn the direction of what follows are shown as what they are
/// not, since a hash or an address could be made to read as another.
pub fn text(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => harmless.push_str("&lt;"),
            '>' => harmless.push_str("&gt;"),
            '&' => harmless.push_str("&amp;"),
            '"' => harmless.push_str("&quot;"),
            '\'' => harmless.push_str("&#39;"),
            '\n' | '\t' => harmless.push(' '),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => harmless.push('\u{fffd}'),
            other if other.is_control() => harmless.push('\u{fffd}'),
            other => harmless.push(other),
        }
    }
    harmless
}

pub fn tag(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>\n")
}

pub fn class(name: &str, class: &str, content: &str) -> String {
    format!("<{name} class=\"{class}\">{content}</{name}>\n")
}

pub fn section(title: &str, content: &str) -> String {
    match content {
        "" => String::new(),
        _ => tag("h2", &text(title)) + content,
    }
}

/// Something that is copied whole: a hash, an address, a command. `what` is said by the button.
pub fn copied(what: &str, value: &str) -> String {
    format!("<code data-copy=\"{}\">{}</code>", text(what), text(value))
}

/// A table of names and what they stand for; the second column is content.
pub fn facts(rows: &[(&str, String)]) -> String {
    let rows: String = rows
        .iter()
        .map(|(name, content)| format!("<tr><th scope=\"row\">{}</th><td>{content}</td></tr>\n", text(name)))
        .collect();
    tag("table", &rows)
}

/// A table whose columns after the first hold numbers where `numbers` says so. All cells are text.
pub fn table(head: &[&str], numbers: bool, rows: &[Vec<String>]) -> String {
    let head: String = head.iter().map(|name| format!("<th scope=\"col\">{}</th>", text(name))).collect();
    let cell = |index: usize, value: &String| match numbers && index > 0 {
        true => format!("<td class=\"number\">{}</td>", text(value)),
        false => format!("<td>{}</td>", text(value)),
    };
    let row = |row: &Vec<String>| {
        let cells: String = row.iter().enumerate().map(|(index, value)| cell(index, value)).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.iter().map(row).collect();
    class("div", "wide", &format!("<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table>"))
}
