// SPDX-License-Identifier: Apache-2.0
//! The `completions` command: completion scripts for shells.

use crate::cli;
use clap::CommandFactory;
use clap_complete::Shell;
use worker::{Failure, Result};
use workspace::context::Context;

/// Completes `cargo xtask` as `xtask`. Shells select completions by the first word, `cargo`, so
/// this script delegates everything else to the existing completion of cargo.
const BASH: &str = r#"
_cargo_xtask() {
    if [[ ${COMP_WORDS[1]} == xtask && $COMP_CWORD -gt 1 ]]; then
        COMP_WORDS=("${COMP_WORDS[@]:1}")
        COMP_CWORD=$((COMP_CWORD - 1))
        _xtask xtask "$2" "$3"
        return
    fi
    if ! declare -F _cargo >/dev/null && declare -F _completion_loader >/dev/null; then
        _completion_loader cargo
        complete -F _cargo_xtask -o bashdefault -o default cargo
    fi
    if declare -F _cargo >/dev/null; then
        _cargo "$@"
    fi
}
complete -F _cargo_xtask -o bashdefault -o default cargo
"#;
const ZSH: &str = r#"
_cargo_xtask() {
    if [[ $words[2] == xtask ]] && (( CURRENT > 2 )); then
        shift words
        (( CURRENT-- ))
        _xtask "$@"
    elif (( $+functions[_cargo] )); then
        _cargo "$@"
    else
        _default
    fi
}
compdef _cargo_xtask cargo
"#;
const FISH: &str = r#"
function __cargo_xtask
    complete -C (string join ' ' -- (string escape -- (commandline -opc)[2..]) (commandline -ct))
end
complete -c cargo -n '__fish_seen_subcommand_from xtask' -f -a '(__cargo_xtask)'
"#;

pub fn run(context: &Context, options: &cli::Completions) -> Result<bool> {
    let mut script = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut cli::Cli::command().bin_name("xtask").name("xtask"),
        "xtask",
        &mut script,
    );
    let script = String::from_utf8(script)
        .map_err(|error| Failure::internal("the completion script is not UTF-8").found(error.to_string()))?;
    let for_cargo = match options.shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
        _ => "",
    };
    context.printer.data(&(script + for_cargo))?;
    Ok(true)
}
