// SPDX-License-Identifier: Apache-2.0
//! Renders a matrix as files for GitLab and Kubernetes.

#![cfg_attr(
    not(test),
    expect(clippy::disallowed_macros, reason = "pipelines of GitLab and jobs of Kubernetes are not documents of ours")
)]

use super::matrix::MatrixJob;
use crate::cli::Stage;
use serde_json::{Map, Value, json};

/// The first line of each file.
const HEAD: &str = "# Made by `cargo xtask ci matrix`: change the runtimes' configuration, not this.\n";

/// Returns a child pipeline for GitLab. Each job passes its bundle on as an artifact. Files
/// contained in several artifacts are identical.
pub fn gitlab(jobs: &[MatrixJob], image: Option<&str>) -> String {
    let mut pipeline = Map::new();
    let mut stages: Vec<&str> = jobs.iter().map(|job| job.stage.name()).collect();
    stages.dedup();
    // GitLab rejects a pipeline without jobs.
    if jobs.is_empty() {
        pipeline.insert("nothing-to-do".into(), json!({"script": ["true"], "variables": {"GIT_STRATEGY": "none"}}));
    } else {
        pipeline.insert("stages".into(), json!(stages));
    }
    if let Some(image) = image {
        pipeline.insert("default".into(), json!({"image": image}));
    }
    for job in jobs {
        // A directory that git ignores: untracked files would make the work tree dirty.
        let bundle = format!("target/bundles/{}", job.runtime);
        let before = |other: &&MatrixJob| other.runtime == job.runtime && other.stage < job.stage;
        let needs: Vec<_> = jobs.iter().filter(before).map(gitlab_name).collect();
        let mut fields = json!({
            "stage": job.stage.name(),
            "script": [format!("cargo xtask upgrade --runtime {} --only {} --out {bundle}", job.runtime, job.only)],
            "needs": needs,
            "artifacts": {"when": "always", "expire_in": "1 week", "paths": [format!("{bundle}/")]},
        });
        if job.stage == Stage::Join {
            // The joined bundle also reports failed checks.
            fields["when"] = json!("always");
        }
        pipeline.insert(gitlab_name(job), fields);
    }
    format!("{HEAD}{}", yaml(&Value::Object(pipeline)))
}

fn gitlab_name(job: &MatrixJob) -> String {
    format!("{} {}", job.job, job.runtime)
}

/// Returns jobs for Kubernetes, one YAML document each. They share a volume for the bundles.
pub fn kubernetes(jobs: &[MatrixJob], image: &str, claim: &str) -> String {
    let documents = jobs.iter().map(|job| {
        let labels = json!({
            "app.kubernetes.io/name": "cutover",
            "cutover.dev/runtime": job.runtime,
            "cutover.dev/stage": job.stage.name(),
        });
        let arguments = [
            "cargo",
            "xtask",
            "upgrade",
            "--runtime",
            &job.runtime,
            "--only",
            &job.only,
            "--out",
            &format!("/bundles/{}", job.runtime),
        ];
        let pod = json!({
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "containers": [{
                "name": "cutover",
                "image": image,
                "command": arguments,
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "bundles", "mountPath": "/bundles"}],
            }],
            "volumes": [{"name": "bundles", "persistentVolumeClaim": {"claimName": claim}}],
        });
        let document = json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": kubernetes_name(job), "labels": labels},
            // No retries: a failed check would fail again.
            "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": pod}},
        });
        format!("---\n{}", yaml(&document))
    });
    format!("{HEAD}{}", documents.collect::<String>())
}

/// Returns a job name that is a valid DNS label. A changed name ends with a digest, to keep names
/// distinct.
fn kubernetes_name(job: &MatrixJob) -> String {
    const MAX_LENGTH: usize = 63;
    let whole = format!("cutover-{}-{}", job.job, job.runtime);
    let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    if whole.len() <= MAX_LENGTH && whole.chars().all(plain) && !whole.ends_with('-') {
        return whole;
    }
    let mut digester = workspace::inputs::Digester::new();
    digester.word("job", &whole);
    let digest = digester.finish();
    let lower = whole.to_ascii_lowercase();
    let replaced = lower.chars().map(|character| if plain(character) { character } else { '-' }).take(MAX_LENGTH - 9);
    format!("{}-{}", replaced.collect::<String>(), &digest[2..10])
}

/// Renders a JSON value as YAML in block style. Strings are written as JSON, which YAML reads the
/// same way.
fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                text.push_str(&format!("{indent}{}:", Value::from(key.as_str())));
                child(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&format!("{indent}-"));
                child(item, depth, text);
            }
        }
        scalar => text.push_str(&format!("{indent}{scalar}\n")),
    }
}

fn child(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(fields) if fields.is_empty() => text.push_str(" {}\n"),
        Value::Array(items) if items.is_empty() => text.push_str(" []\n"),
        Value::Object(_) | Value::Array(_) => {
            text.push('\n');
            block(value, depth + 1, text);
        }
        scalar => text.push_str(&format!(" {scalar}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(runtime: &str) -> MatrixJob {
        MatrixJob {
            runtime: runtime.into(),
            package: "p".into(),
            stage: Stage::Check,
            job: "dry-run",
            only: "build-try-runtime,dry-run".into(),
        }
    }

    #[test]
    fn blocks_are_indented_and_texts_quoted() {
        let value = json!({"a": [{"b": "x: #", "c": []}, 1], "d": {}, "e": null, "f": true});
        let expected = "\"a\":\n  -\n    \"b\": \"x: #\"\n    \"c\": []\n  - 1\n\"d\": {}\n\"e\": null\n\"f\": true\n";
        assert_eq!(yaml(&value), expected);
    }

    #[test]
    fn names_are_distinct_dns_labels() {
        assert_eq!(kubernetes_name(&job("standalone")), "cutover-dry-run-standalone");
        let (one, other) = (kubernetes_name(&job("A_b")), kubernetes_name(&job("a.b")));
        assert!(one.starts_with("cutover-dry-run-a-b-") && one != other, "{one} {other}");
        let long = kubernetes_name(&job(&"x".repeat(64)));
        assert_eq!(long.len(), 63);
    }
}
