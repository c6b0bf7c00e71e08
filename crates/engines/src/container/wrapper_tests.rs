// SPDX-License-Identifier: Apache-2.0
//! Tests that the wrapper script in the container passes the same arguments as the program on a
//! host.

use crate::canonical;
use std::process::Command;

/// Returns the arguments that the script passes to the compiler.
fn by_script(arguments: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("rustc.sh");
    std::fs::write(&script, include_str!("rustc.sh")).expect("written");
    let compiler = directory.path().join("compiler");
    std::fs::write(&compiler, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n").expect("written");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&compiler, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let mut command = Command::new("sh");
    command
        .arg(&script)
        .arg(&compiler)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").expect("PATH"));
    let output = command.envs(variables.iter().copied()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_terminator('\0').map(str::to_owned).collect()
}

fn compare(arguments: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
    let by_script = by_script(arguments, variables);
    let read = |name: &str| {
        let value = variables.iter().find(|(other, _)| *other == name);
        value.map(|(_, value)| (*value).to_owned())
    };
    let arguments = arguments.iter().map(std::ffi::OsString::from).collect();
    let by_program = canonical::rewritten(arguments, read);
    let by_program: Vec<_> = by_program.into_iter().map(|word| word.into_string().expect("UTF-8")).collect();
    assert_eq!(by_script, by_program);
    by_script
}

const WORDS: [&str; 14] = [
    "--crate-name",
    "tiny_parts",
    "--edition=2024",
    "src/lib.rs",
    "--cfg",
    "feature=\"std x\"",
    "--cfg",
    "feature=\"a\"",
    "-C",
    "metadata=0123456789abcdef",
    "-C",
    "extra-filename=-12",
    "--target",
    "wasm32v1-none",
];

#[test]
fn a_path_package_gets_the_same_identity() {
    let long = "x".repeat(300);
    for manifest in ["/build/parts", "/home/builder/cargo/registry/src/i/tiny-0.1.0"] {
        for name in ["tiny-parts", &long] {
            let variables = [
                ("CARGO_PKG_NAME", name),
                ("CARGO_PKG_VERSION", "0.1.0"),
                ("CARGO_MANIFEST_DIR", manifest),
                ("CARGO_HOME", "/home/builder/cargo"),
                ("CUTOVER_RUNTIME", "/build/runtime"),
                ("OUT_DIR", "/build/target/x/out"),
            ];
            let words = compare(&WORDS, &variables);
            let kept = words.contains(&"metadata=0123456789abcdef".to_owned());
            assert_eq!(kept, manifest.starts_with("/home"), "{manifest}");
        }
    }
}

#[test]
fn a_runtime_from_a_registry_gets_an_identity_too() {
    let directory = "/home/builder/cargo/registry/src/i/tiny-0.1.0";
    let variables = [
        ("CARGO_PKG_NAME", "tiny"),
        ("CARGO_PKG_VERSION", "0.1.0"),
        ("CARGO_MANIFEST_DIR", directory),
        ("CARGO_HOME", "/home/builder/cargo"),
        ("CUTOVER_RUNTIME", directory),
    ];
    assert!(!compare(&WORDS, &variables).contains(&"metadata=0123456789abcdef".to_owned()));
}

#[test]
fn code_for_the_host_is_unchanged() {
    let host = &WORDS[..12];
    assert_eq!(compare(host, &[("CARGO_MANIFEST_DIR", "/build/parts"), ("OUT_DIR", "/o")]), host);
}
