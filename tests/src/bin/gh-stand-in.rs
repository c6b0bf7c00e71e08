// SPDX-License-Identifier: Apache-2.0
//! A mock of `gh`. Its state of GitHub is in the directory GH_STAND_IN. The file `state.json` there
//! also says which call fails once, and how: before it has an effect, after it, or in the middle.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "a program of the tests")]

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["--version"] {
        println!("gh version 2.80.0 (stand-in)");
        return ExitCode::SUCCESS;
    }
    let directory = PathBuf::from(std::env::var_os("GH_STAND_IN").expect("GH_STAND_IN"));
    let mut hub = Hub::read(&directory);
    let outcome = hub.answer(&arguments);
    hub.write();
    match outcome {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err((code, message)) => {
            eprintln!("{message}");
            ExitCode::from(code)
        }
    }
}

type Answer = Result<String, (u8, String)>;

struct Hub {
    directory: PathBuf,
    state: Value,
}

impl Hub {
    fn read(directory: &Path) -> Self {
        let state = fs::read(directory.join("state.json")).expect("the state");
        Self { directory: directory.to_path_buf(), state: serde_json::from_slice(&state).expect("JSON") }
    }

    fn write(&self) {
        fs::write(self.directory.join("state.json"), self.state.to_string()).expect("written");
    }

    fn answer(&mut self, arguments: &[String]) -> Answer {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let calls = self.state["calls"].as_array_mut().expect("calls");
        calls.push(json!(words.join(" ")));
        if let Some(refusal) = self.state["refuses"].as_object() {
            let code = refusal["code"].as_u64().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            return Err((code, refusal["message"].as_str().unwrap_or_default().to_owned()));
        }
        let name = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        match self.fault(&name).as_deref() {
            Some("before") => Err((1, "error connecting to api.github.com".into())),
            Some("after") => {
                let _ = self.perform(&words);
                Err((1, "HTTP 502: Server Error".into()))
            }
            Some("half") => self.half(&words),
            _ => self.perform(&words),
        }
    }

    /// Returns how this call fails. `None` if it does not.
    fn fault(&mut self, name: &str) -> Option<String> {
        let fault = self.state["fault"].as_object_mut()?;
        if fault["command"] != name {
            return None;
        }
        let turn = fault["turn"].as_u64().expect("a turn") - 1;
        fault["turn"] = json!(turn);
        let how = fault["how"].as_str().expect("how").to_owned();
        if turn > 0 {
            return None;
        }
        self.state["fault"] = Value::Null;
        Some(how)
    }

    fn perform(&mut self, words: &[&str]) -> Answer {
        match words {
            ["release", "view", tag, "--json", _] => self.view(tag),
            ["release", "create", tag, rest @ ..] => self.create(tag, rest),
            ["release", "upload", tag, file, "--clobber"] => {
                self.of(tag)?;
                let name = Path::new(file).file_name().expect("a name").to_string_lossy().into_owned();
                let place = self.directory.join("assets").join(&name);
                let _ = fs::remove_file(place.with_file_name(format!("{name}.half")));
                fs::copy(file, place).expect("copied");
                Ok(String::new())
            }
            ["release", "download", _, "--pattern", name, "--dir", into] => {
                fs::copy(self.directory.join("assets").join(name), Path::new(into).join(name)).expect("copied");
                Ok(String::new())
            }
            ["release", "edit", tag, rest @ ..] => self.edit(tag, rest),
            ["api", address, "--jq", ".sha"] => self.commit(address),
            other => Err((1, format!("unknown command {other:?}"))),
        }
    }

    fn of(&mut self, tag: &str) -> Result<&mut Value, (u8, String)> {
        match self.state["release"]["tag"] == tag {
            true => Ok(&mut self.state["release"]),
            false => Err((1, "release not found".into())),
        }
    }

    fn view(&mut self, tag: &str) -> Answer {
        let mut release = self.of(tag)?.clone();
        let digests = self.state["digests"] == true;
        let mut assets = Vec::new();
        for entry in fs::read_dir(self.directory.join("assets")).expect("assets") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let content = fs::read(&path).expect("read");
            let (state, name) = match name.strip_suffix(".half") {
                Some(name) => ("starter", name.to_owned()),
                None => ("uploaded", name),
            };
            let digest = digests.then(|| format!("sha256:{:x}", Sha256::digest(&content)));
            assets.push(json!({"name": name, "size": content.len(), "state": state, "digest": digest}));
        }
        release["assets"] = json!(assets);
        release["url"] = json!("https://github.com/somebody/something/releases/x");
        Ok(release.to_string())
    }

    fn create(&mut self, tag: &str, rest: &[&str]) -> Answer {
        if !self.state["release"].is_null() {
            return Err((1, "HTTP 422: Validation Failed: already_exists".into()));
        }
        let value = |name: &str| {
            let at = rest.iter().position(|word| *word == name).unwrap_or_else(|| panic!("{name} is missing"));
            rest[at + 1].to_owned()
        };
        self.state["release"] = json!({
            "tag": tag, "name": value("--title"), "targetCommitish": value("--target"),
            "body": fs::read_to_string(value("--notes-file")).expect("notes"),
            "isDraft": rest.contains(&"--draft"), "isPrerelease": rest.contains(&"--prerelease"),
        });
        Ok("https://github.com/somebody/something/releases/x\n".into())
    }

    fn edit(&mut self, tag: &str, rest: &[&str]) -> Answer {
        let release = self.of(tag)?;
        if rest == ["--draft=false"] {
            assert_eq!(release["isDraft"], true, "it is published once");
            release["isDraft"] = json!(false);
            // Tests check that this was reached.
            release["published"] = json!(true);
            return Ok(String::new());
        }
        let ["--title", title, "--notes-file", notes, prerelease] = rest else {
            return Err((1, format!("unknown arguments {rest:?}")));
        };
        release["name"] = json!(title);
        release["body"] = json!(fs::read_to_string(notes).expect("notes"));
        release["isPrerelease"] = json!(*prerelease == "--prerelease=true");
        Ok(String::new())
    }

    fn commit(&self, address: &str) -> Answer {
        let name = address.strip_prefix("repos/{owner}/{repo}/commits/").expect("an address of a commit");
        match self.state["commits"].get(name).and_then(Value::as_str) {
            Some(commit) => Ok(format!("{commit}\n")),
            None => Err((1, format!("gh: No commit found for SHA: {name} (HTTP 422)"))),
        }
    }

    /// Interrupts an upload: only the first half of the file is uploaded.
    fn half(&mut self, words: &[&str]) -> Answer {
        let ["release", "upload", _, file, _] = words else { return Err((1, "nothing to do half".into())) };
        let content = fs::read(file).expect("read");
        let name = Path::new(file).file_name().expect("a name").to_string_lossy().into_owned();
        let path = self.directory.join("assets").join(format!("{name}.half"));
        fs::write(path, &content[..content.len() / 2]).expect("written");
        Err((1, "unexpected EOF".into()))
    }
}
