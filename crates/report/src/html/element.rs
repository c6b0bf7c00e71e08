// SPDX-License-Identifier: Apache-2.0
//! Pieces of a page. What is called `content` is markup already; everything else is text and is made harmless here.

use crate::steps::Status;

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

/// A name of several parts, such as a pallet's call, which may be broken between them.
pub fn name(name: &str) -> String {
    text(name).replace("::", "::<wbr>").replace('.', ".<wbr>").replace('_', "_<wbr>")
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
        _ => format!("<section>\n{}{content}</section>\n", tag("h2", &text(title))),
    }
}

/// What unfolds; on paper it is open.
pub fn folded(summary: &str, content: &str) -> String {
    format!("<details><summary>{}</summary>\n{content}</details>\n", text(summary))
}

/// Something that is copied whole: a hash, an address, a command. `what` is said by the button.
pub fn copied(what: &str, value: &str) -> String {
    match value {
        "-" => "-".into(),
        value => format!("<code data-copy=\"{}\">{}</code>", text(what), text(value)),
    }
}

pub fn status(status: Status) -> String {
    format!("<span class=\"{0}\">{0}</span>", status.word())
}

/// A table of names and what they stand for; the second column is content.
pub fn facts(rows: &[(&str, String)]) -> String {
    let rows: String = rows
        .iter()
        .map(|(name, content)| format!("<tr><th scope=\"row\">{}</th><td>{content}</td></tr>\n", text(name)))
        .collect();
    class("table", "facts", &rows)
}

/// A table of what was asked, with what came of it; the last column is content.
pub fn verdicts(rows: &[(Status, String, String)]) -> String {
    let rows: String = rows
        .iter()
        .map(|(verdict, name, content)| {
            format!(
                "<tr><td>{}</td><th scope=\"row\">{}</th><td>{content}</td></tr>\n",
                status(*verdict),
                self::name(name)
            )
        })
        .collect();
    class("table", "verdicts", &rows)
}

/// A table of three columns, the first a name that on a phone stands above the two others. All cells are content.
pub fn pairs(head: [&str; 3], rows: &[[String; 3]]) -> String {
    of_three("pairs", head, rows)
}

/// The same of what became of what.
pub fn from_to(head: [&str; 3], rows: &[[String; 3]]) -> String {
    of_three("pairs from-to", head, rows)
}

fn of_three(look: &str, head: [&str; 3], rows: &[[String; 3]]) -> String {
    let head: String = head.iter().map(|name| format!("<th scope=\"col\">{}</th>", text(name))).collect();
    let rows: String = rows
        .iter()
        .map(|[name, one, other]| format!("<tr><th scope=\"row\">{name}</th><td>{one}</td><td>{other}</td></tr>\n"))
        .collect();
    class("table", look, &format!("<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>"))
}

/// A table with a name in the first column and numbers in the others, each with its own name on a phone, where there is no
/// room for a head. All cells are text.
pub fn numbers(head: &[&str], rows: &[Vec<String>]) -> String {
    let columns: String = head.iter().map(|name| format!("<th scope=\"col\">{}</th>", text(name))).collect();
    let cell = |(index, value): (usize, &String)| match index {
        0 => format!("<th scope=\"row\">{}</th>", name(value)),
        _ => format!("<td>{} <small>{}</small></td>", text(value), text(head.get(index).unwrap_or(&"").trim())),
    };
    let row = |row: &Vec<String>| format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>());
    let rows: String = rows.iter().map(row).collect();
    class("table", "numbers", &format!("<thead><tr>{columns}</tr></thead>\n<tbody>\n{rows}</tbody>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_break_between_their_parts_and_stay_harmless() {
        assert_eq!(name("Balances.transfer_all"), "Balances.<wbr>transfer_<wbr>all");
        assert_eq!(name("<b>.&lt;_"), "&lt;b&gt;.<wbr>&amp;lt;_<wbr>");
    }
}
