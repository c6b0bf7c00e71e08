// SPDX-License-Identifier: Apache-2.0
use super::element::{self, class, tag, text};
use crate::{
    Bundle,
    checklist::{self, Task, TaskState},
};

/// Renders the checklist.
pub fn section(bundle: &Bundle) -> String {
    let parts = checklist::parts(bundle);
    let content: String = parts.iter().map(|part| tag("h3", part.title) + &listed(&part.tasks)).collect();
    element::section(checklist::TITLE, &content)
}

fn listed(tasks: &[Task]) -> String {
    let items: String = tasks
        .iter()
        .map(|task| {
            let (mark, class_name) = match task.state {
                TaskState::Done => ("&#9745;", "pass"),
                TaskState::Open => ("&#9744;", "open"),
                TaskState::DoesNotApply => ("&#8211;", "skip"),
            };
            format!("<li><span class=\"{class_name}\">{mark}</span>{}</li>\n", text(&task.text))
        })
        .collect();
    class("ul", "tasks", &items)
}
