// SPDX-License-Identifier: Apache-2.0
//! Interrupts of the command `upgrade` at any moment: it ends soon, reports the interrupt, and
//! leaves no partial files that seem complete.

use cutover_tests::Xtask;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The moments of the interrupts, in milliseconds after the start. The last is after the end of a
/// cached run.
const MOMENTS: [u64; 14] = [0, 10, 30, 60, 100, 200, 300, 500, 800, 1200, 1700, 2300, 3000, 4500];

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Sends an interrupt to the whole process group, like a terminal, or only to the command, like a
/// CI engine.
fn interrupt(leader: u32, group: bool) {
    let target = if group { format!("-{leader}") } else { leader.to_string() };
    // The command may have ended already.
    let _ = Command::new("kill").args(["-INT", "--", &target]).output().expect("kill is there");
}

#[test]
fn an_upgrade_interrupted_at_any_moment_leaves_no_partial_bundle_and_can_continue() {
    // Everything is cached, so the interrupts hit the steps and not the compilers.
    let directory = tempfile::tempdir().expect("a directory");
    let whole = directory.path().join("whole");
    Xtask::new(["upgrade", "--quiet", "--out", &whole.display().to_string()]).run().expect_code(0);

    let out = directory.path().join("bundle");
    let arguments = ["upgrade", "--json", "--out", &out.display().to_string()].map(str::to_owned);
    let (mut stopped, mut ended) = (0, 0);
    for (index, moment) in MOMENTS.into_iter().enumerate() {
        // Every second run starts without files. The others continue from the previous run.
        if index % 2 == 0 {
            let _ = fs::remove_dir_all(&out);
        }
        let child = Xtask::new(&arguments).spawn_group();
        std::thread::sleep(Duration::from_millis(moment));
        interrupt(child.id(), index % 3 == 0);
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked"), "after {moment} ms:\n{stderr}");
        match output.status.code() {
            Some(0) => ended += 1,
            // Reported by the command, or killed by the signal before its handler was installed.
            Some(130) | None => stopped += 1,
            other => panic!("exit code {other:?} after {moment} ms:\n{stderr}"),
        }
        let left = files(&out);
        assert!(
            !left.iter().any(|path| path.display().to_string().contains(".partial-")),
            "half-written after {moment} ms: {left:?}"
        );
        if left.iter().any(|path| path.ends_with("manifest.json")) {
            // The manifest is written last. If it exists, the bundle must contain its files.
            let verified = Xtask::new(["verify", "--integrity-only", "--json", &out.display().to_string()]).run();
            let unsigned = verified.json()["signatures"].as_array().is_none_or(Vec::is_empty);
            let damaged = verified.json()["subjects"]
                .as_array()
                .is_none_or(|subjects| subjects.iter().any(|subject| subject["ok"] != true));
            assert!(!damaged && (verified.code == Some(0) || unsigned), "after {moment} ms:\n{}", verified.stdout);
        }
    }
    assert!(stopped > 0, "no interruption came in time ({ended} runs ended before theirs)");
    let output = Xtask::new(&arguments).run().expect_code(0);
    assert_eq!(output.json()["verdict"], "pass");
    Xtask::new(["verify", "--integrity-only", &out.display().to_string()]).run().expect_code(0);
}

#[test]
fn a_worker_ends_when_its_parent_process_ends() {
    use std::{
        io::{BufRead, BufReader},
        process::Stdio,
    };
    let program = cutover_tests::worker("cutover-inspect").get_program().to_owned();
    // The worker waits for a request, because its standard input stays open.
    let mut shell = Command::new("sh")
        .args(["-c", "exec 3<&0; \"$0\" <&3 & echo $!; wait"])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh starts");
    let mut line = String::new();
    BufReader::new(shell.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let worker = PathBuf::from("/proc").join(line.trim());
    assert!(worker.exists(), "the worker runs: {line}");
    std::thread::sleep(Duration::from_millis(300));
    shell.kill().expect("killed");
    let began = std::time::Instant::now();
    let runs = || fs::read_to_string(worker.join("stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while runs() && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!runs(), "the worker goes on for nobody");
    shell.wait().expect("ended");
}
