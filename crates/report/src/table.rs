// SPDX-License-Identifier: Apache-2.0
//! Formats rows of text as aligned columns or as a Markdown table.

use comfy_table::{Table, presets};

/// Formats lines with aligned columns, two spaces between them and none at the end of a line.
/// Columns are as wide as a terminal shows them.
pub fn aligned(rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

/// Formats a Markdown table and escapes its cells.
pub fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| escape(cell)).collect()).collect();
    ready(head, &rows)
}

/// Formats a Markdown table of cells that are Markdown already.
pub fn ready(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut text = line(&mut head.iter().map(|cell| (*cell).to_owned()));
    text.push_str(&line(&mut head.iter().map(|_| "---".to_owned())));
    for row in rows {
        text.push_str(&line(&mut row.iter().cloned()));
    }
    text
}

/// Escapes text from a chain or a file, so that it cannot become markup.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => escaped.push(' '),
            '|' | '<' | '>' | '[' | ']' | '\\' | '`' | '*' | '#' | '!' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other if other.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = aligned(&[row(&["a", "bb", "c"]), row(&["äöü", "b"])]);
        assert_eq!(text, "a    bb  c\näöü  b\n");
    }

    #[test]
    fn a_cell_cannot_break_out_of_its_table() {
        let text = markdown(&["name"], &[row(&["a | b\n<script>"])]);
        assert_eq!(text, "| name |\n| --- |\n| a \\| b \\<script\\> |\n");
    }
}
