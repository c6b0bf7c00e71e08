// SPDX-License-Identifier: Apache-2.0
//! The table of checks of a dry run: their names, questions, needs and order.
//!
//! The table is a macro, so that each crate makes of it what it needs. The crate of the dry run binds each row to the
//! function `run` of the module of that name: a row without a function does not compile. The documentation, `--allow`,
//! `--deny`, `--only`, `--skip`, the reports and the judgement of evidence take the names from here.

use crate::CheckOutcome;

/// Calls a macro with the rows of all checks, in the order in which they run and are reported.
///
/// A row is `module = "name" { question, fails, needs }`. The texts are Markdown, for `docs/dry-run.md`.
#[macro_export]
macro_rules! for_each_check {
    ($callback:ident) => {
        $callback! {
            versions = "versions" {
                question: "would the chain take this blob?",
                fails: "spec_name differs, spec_version does not rise, transaction_version or \
state_version falls",
                needs: [],
            }
            code_size = "code-size" {
                question: "is it small enough?",
                fails: "larger than the relay chain of a parachain accepts (`max_code_size` as the chain \
last saw it), or than every way into a block of the chain has room for \
(`System.BlockLength`; a preimage has 4 MiB); warns from 95 %, and if one of \
several ways is closed",
                needs: [],
            }
            host_functions = "host-functions" {
                question: "do nodes offer what it imports?",
                fails: "it imports what nodes of this SDK release lack, or a parachain newly imports \
what only the workspace's own host functions offer, and validators lack; warns \
of imports that the old code did not have and that came after `sp-io` 7.0 of \
2022",
                needs: [],
            }
            transaction_signing = "transaction-signing" {
                question: "do calls, and the data that is signed with them, mean the same? Compared by \
bytes, not by names, without calls that nobody signs \
([diff.md](diff.md#what-is-compared))",
                fails: "a call or an extension is refused or means something else, and \
`transaction_version` did not rise; a new extension with bytes is unknown to \
wallets; warns of calls that are refused with some arguments only",
                needs: [TypedMetadata],
            }
            metadata_hash = "metadata-hash" {
                question: "can offline wallets still sign? They sign the hash of the metadata (RFC-78), \
which only the build can put into a blob. Both codes validate a transaction that \
signs it, with an invalid signature, on the state of the chain",
                fails: "the old code refuses it for its signature, and the new code as unknown: it was \
compiled without the hash, or no longer checks one; warns if the extension is \
new and has no hash",
                needs: [],
            }
            enactment = "enactment" {
                question: "does the chain apply it, and a parachain only with the go-ahead of its relay \
chain?",
                fails: "the chain consumes the authorization without taking the code; the code is in \
place without the relay chain's go-ahead, or still scheduled after its signal to \
abort",
                needs: [],
            }
            migrations = "migrations" {
                question: "do all migrations end?",
                fails: "a block cannot be built or imported, a multi-block migration fails or gets \
stuck, more than 600 blocks pass",
                needs: [],
            }
            consensus = "consensus" {
                question: "are slots, epochs, the parameters of Babe and the number of the parachain those \
of the chain?",
                fails: "one differs; warns of slots of another length on a parachain whose time follows \
them, of each constant that counts blocks and lasts another time, of the address \
prefix, and of a higher existential deposit",
                needs: [],
            }
            node_demands = "node-demands" {
                question: "does it require of nodes what deployed ones may not support?",
                fails: "scheduling of version 3 begins beside a relay parent offset; warns of a node \
feature that is enabled now or for a later session, of another relay parent \
offset, of scheduling of version 3, and of another number of blocks per relay \
chain slot",
                needs: [],
            }
            authorities = "authorities" {
                question: "does the new code name the chain's authorities before its migrations, and after?",
                fails: "none, others, or other kinds of keys",
                needs: [],
            }
            runtime_apis = "runtime-apis" {
                question: "do the functions that nodes call still answer, in types that nodes know?",
                fails: "a function fails on the state before or after the migrations where the old code \
answered, or takes seconds; an API that nodes need is gone; a type changed under \
the same API version; an answer does not decode by the type that deployed nodes \
know (warns if the version of the API rose)",
                needs: [],
            }
            migration_failure = "migration-failure" {
                question: "if a multi-block migration failed, could the chain still be upgraded?",
                fails: "never: it warns if the chain would be frozen, and neither its hooks nor a \
message of the root of its relay chain frees it",
                needs: [FirstBlock],
            }
            block_limits = "block-limits" {
                question: "do the blocks fit?",
                fails: "the measured proof of a block is above `System.BlockWeights`, or its import \
takes longer than a slot (a parachain: 2 s) by more than the margin; warns from \
80 % (time: 50 %), of declared weight above the limit, and if a migration \
declares less proof than it needs, by more than blocks without one",
                needs: [FirstBlock],
            }
            healthy_blocks = "healthy-blocks" {
                question: "does the chain live on?",
                fails: "a block after the migrations cannot be built or imported, or takes no \
transactions",
                needs: [MigrationsEnded],
            }
            message_queues = "message-queues" {
                question: "does it flood the queues between chains?",
                fails: "more waits than before, and more than the receiver has room for (half of \
`max_upward_queue_size`; 327 downward messages), or than leaves in a hundred \
blocks; warns of any longer queue",
                needs: [MigrationsEnded, Messages],
            }
            message_delivery = "message-delivery" {
                question: "do the chains that it sends messages to still execute them?",
                fails: "a message of the upgrade is not executed to its end; a transfer of a user gets \
less far at its receiver than one of the old code, or is no longer sent",
                needs: [MigrationsEnded, OtherChains, Messages],
            }
            storage_versions = "storage-versions" {
                question: "do the pallets' storage versions rise?",
                fails: "one falls",
                needs: [MigrationsEnded],
            }
            next_upgrade = "next-upgrade" {
                question: "can the chain be upgraded again? The present code is applied under the new code, \
as this upgrade was. The ways to decide are tried under both codes: the root of \
the relay chain and of Asset Hub by message, the sudo key, noting a preimage as \
large as the code, submitting a referendum (OpenGov, Democracy)",
                fails: "the chain no longer applies an upgrade, or nobody who could decide on one can; \
warns, by name, if one of several ways is closed",
                needs: [MigrationsEnded],
            }
            sessions = "sessions" {
                question: "does it pass the end of a session, twice, and reach the next era?",
                fails: "the block that ends a session, or the next one, cannot be built, although that \
of the present code can; a session begins without authorities; no era begins \
where one does under the present code; warns of less than half of the \
authorities that the present code leaves. On a Babe chain the slots of an epoch \
pass; elsewhere the block that ends a session is searched among the next 15,000. \
Eras are rehearsed where staking counts them in sessions (`SessionsPerEra`), at \
most 37",
                needs: [MigrationsEnded],
            }
            async_backing = "async-backing" {
                question: "does a parachain keep its pace when its blocks are not included at once? Blocks \
are built whose included head is up to three behind, and a second one on the \
same relay block if `AuraUnincludedSegmentApi` allows it",
                fails: "a block is refused that collators must build at the slots and the relay parent \
offset of the runtime, although the present code accepts it at its own: at 6 s \
the included head is one behind the parent; blocks are accepted only with \
another relay parent offset than `RelayParentOffsetApi` gives; a block is \
refused on the farthest core in the claim queue that `RelayParentOffsetApi` \
allows; a second block is announced as before, and refused. Warns if the \
included head may be less far behind than before. The keys of \
`KeyToIncludeInRelayProof` are proven absent",
                needs: [Parachain],
            }
            storage_layout = "storage-layout" {
                question: "does the new code read stored values correctly?",
                fails: "a value that was written, or one of an item whose type changed, does not decode, \
means something else, or has a key at which it is not found; reads 5,000 entries \
of an item",
                needs: [MigrationsEnded, TypedMetadata],
            }
            kept_fields = "kept-fields" {
                question: "do the fields that a migrated struct kept have their values?",
                fails: "they have those of other fields, or most lost theirs; warns where some differ",
                needs: [MigrationsEnded, TypedMetadata],
            }
            leftovers = "leftovers" {
                question: "does storage of removed pallets and items stay behind?",
                fails: "a pallet was renamed and its storage was not moved; otherwise it warns",
                needs: [MigrationsEnded, TypedMetadata],
            }
            weights = "weights" {
                question: "are calls as heavy as they were?",
                fails: "in a pallet with storage, more than half of the calls that had a proof, and at \
least three, lost both their proof size and the cost of a read; a call that \
fitted into a block no longer does, and is not refused on purpose with \
`Weight::MAX`; warns of every other call that lost its proof size, and if a \
third of all calls cost a quarter or four times as much",
                needs: [MigrationsEnded, TypedMetadata],
            }
            idempotency = "idempotency" {
                question: "does a second run of the migrations change nothing?",
                fails: "never: on chain they run once. It warns of each value that changes again, by \
pallet and item",
                needs: [MigrationsEnded],
            }
            pre_post_hooks = "pre-post-hooks" {
                question: "do `pre_upgrade` and `post_upgrade` pass, on the state before the upgrade?",
                fails: "one fails, those of multi-block migrations included; storage versions that these \
raise are checked after them",
                needs: [TryRuntimeBuild],
            }
            try_state = "try-state" {
                question: "do the pallets' invariants hold, and does every value decode?",
                fails: "one fails that held before; an old failure warns",
                needs: [TryRuntimeBuild],
            }
            equivalence = "equivalence" {
                question: "is the tested blob the one that ships?",
                fails: "the blob that ships and the try-runtime build write different states. Data of \
the hooks, and differences of their headers, are left out: a control shows them, \
the blob that ships once more, on a state with a key that nothing reads",
                needs: [TryRuntimeBuild],
            }
            validator_preparation = "validator-preparation" {
                question: "would validators accept the code?",
                fails: "the blob of a parachain has no `validate_block`, cannot be prepared, or takes \
more than 1.5 times the 60 s of processor time (warns from 30 s); any blob that \
cannot be run",
                needs: [],
            }
            validator_execution = "validator-execution" {
                question: "would validators accept the first block of the new code, and one after the \
migrations? Each goes through `validate_block` of the prepared code as \
validators run it: no state but the block's own compact proof, their host \
functions, their stack",
                fails: "`validate_block` refuses one, returns another head, or takes more than 1.5 times \
the 2 s of processor time (warns from 1 s). The seal is valid for any key here; \
the author is one of the chain's own. Not judged if a block of the present code \
is not accepted either",
                needs: [Parachain, PreparedCode],
            }
            relay_move = "relay-move" {
                question: "does a parachain go on that moves to this relay chain? It does so if the relay chain does not \
know it, and `--onboard` onboards it. Candidates of the present code must be included, the last one with a message \
of the relay chain's root ([network.md](network.md#moving-to-a-new-relay-chain))",
                fails: "the parachain stands, and goes on with entries changed that it has of its old relay chain, \
such as the number of the last relay block. Each entry without whose change it stands is named. Warns of what is left \
of the old relay chain and stops no block: messages that wait to be sent, code that waits for the go-ahead, channels, \
lower numbers of relay blocks",
                needs: [Parachain, RelayChain],
            }
            authorised = "authorised" {
                question: "can the relay chain's root authorize the code? It sends the call `authorize_upgrade` to the \
parachain in a message, which the forks of both chains deliver and execute",
                fails: "never: where no such message authorizes the code, the chain is governed otherwise. The \
authorization is written into its state then, and the check is skipped. Not judged if the message had too little time",
                needs: [Parachain, RelayChain],
            }
            code_backed = "code-backed" {
                question: "does the relay chain back and include the candidate that carries the code? Its \
own runtime decides, on a fork, about candidates that the parachain's collator \
builds and `validate_block` checks ([network.md](network.md))",
                fails: "the parachain cannot build it, or the relay chain leaves it out or does not take \
the code: an upgrade is restricted, the code is too large, a limit is passed",
                needs: [Parachain, RelayChain],
            }
            pvf_votes = "pvf-votes" {
                question: "the fork casts a vote of yes for each validator: does the relay chain count \
these votes, and foretell the block of the go-ahead?",
                fails: "no block for the go-ahead follows from the votes. Whether real validators would \
accept the code is asked by `validator-preparation`",
                needs: [Parachain, RelayChain],
            }
            go_ahead = "go-ahead" {
                question: "does the relay chain give the go-ahead that it foretold, and does the parachain \
apply the code then, and not before?",
                fails: "the signal does not come, or the parachain's collator cannot build the block \
that applies the code, or the code is applied too early or not at all",
                needs: [Parachain, RelayChain],
            }
            promoted = "promoted" {
                question: "does the relay chain make the new code the parachain's current one? The new code \
itself is first run by `ten-heads`",
                fails: "the candidate that applies the code is not backed, so that the relay chain keeps \
checking with the old code",
                needs: [Parachain, RelayChain],
            }
            ten_heads = "ten-heads" {
                question: "are ten candidates of the new code backed and included? For a relay chain: ten \
of each parachain, under the new code of the relay chain",
                fails: "a parachain stands: in twelve relay blocks in which it has a core, no candidate is \
built, or none is backed",
                needs: [Network],
            }
            boundaries = "boundaries" {
                question: "do parachains go on after that when two sessions of the relay chain end, and \
does the cooldown of an upgraded parachain end?",
                fails: "a parachain stands in a new session, or upgrades of it stay restricted. Not judged \
if the parachain does not go on in a new session under the present code either",
                needs: [Network],
            }
            both_sides_agree = "both-sides-agree" {
                question: "do the relay chain and the parachain agree after the upgrade: on the head, the \
code, and the messages from the relay chain?",
                fails: "one of them differs",
                needs: [Network],
            }
            upgrade_orders = "upgrade-orders" {
                question: "do the parachain's upgrade and its relay chain's both go through, whichever comes first? \
Rehearsed are the relay chain's before the parachain's, after it, and while the parachain waits for the go-ahead",
                fails: "in one of the orders the relay chain does not take the parachain's code, or the parachain stands",
                needs: [Parachain, RelayChain, RelayRuntime],
            }
            queues = "queues" {
                question: "does nothing pile up in the queues between the relay chain and its parachains? Counted are \
messages that wait to be sent, to be taken by their receiver, or to be executed, by the fewest during some relay blocks",
                fails: "more wait in a queue than before the upgrade, and than after as many relay blocks under the \
present code",
                needs: [TypedMetadata, Network],
            }
            messages_before_and_after = "messages-before-and-after" {
                question: "do the relay chain and its parachains still deliver messages to each other? \
Accounts on each chain send every kind of transfer to the others, and the root of the relay chain a message to each \
parachain, before the upgrade and after it. The chains themselves send, queue and execute what comes of that \
([network.md](network.md#messages))",
                fails: "what arrived before is not sent any more, is not executed any more, or not to its end. What does \
not arrive under the present code at the same relay block either is only told",
                needs: [TypedMetadata, Network],
            }
        }
    };
}

/// Something that a check cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The new code built its first block.
    FirstBlock,
    /// All migrations ended.
    MigrationsEnded,
    /// The metadata of both runtimes describes types, as it does from version 14 on.
    TypedMetadata,
    /// A build of the runtime with the feature `try-runtime`.
    TryRuntimeBuild,
    /// The chain is a parachain.
    Parachain,
    /// Validators can prepare the new code.
    PreparedCode,
    /// The chain exchanges messages with other chains.
    Messages,
    /// The state of another chain that it exchanges messages with.
    OtherChains,
    /// The state of its relay chain.
    RelayChain,
    /// The new code of its relay chain.
    RelayRuntime,
    /// The state of its relay chain, or of parachains of this relay chain.
    Network,
}

impl Need {
    /// Returns how the documentation names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstBlock => "a block of the new code",
            Self::MigrationsEnded => "migrations that ended",
            Self::TypedMetadata => "metadata of version 14 or later",
            Self::TryRuntimeBuild => "`--try-runtime`",
            Self::Parachain => "a parachain",
            Self::PreparedCode => "code that validators can prepare",
            Self::Messages => "a chain that exchanges messages",
            Self::OtherChains => "`--with`",
            Self::RelayChain => "`--relay`",
            Self::RelayRuntime => "`--relay-runtime`",
            Self::Network => "`--relay`, or a relay chain and `--with` a parachain",
        }
    }

    /// Returns the outcome of a check that needs this where it is not there.
    pub fn missing(self) -> CheckOutcome {
        match self {
            // The migrations need not be at fault: it may be that no block of the chain can be authored here.
            Self::FirstBlock | Self::MigrationsEnded => CheckOutcome::not_judged(
                "it is asked of the state after the migrations, and `migrations` says why there is none",
            ),
            Self::TypedMetadata => {
                CheckOutcome::skip("one of the runtimes has metadata from before version 14, without types")
            }
            Self::TryRuntimeBuild => CheckOutcome::skip("no try-runtime build was given"),
            Self::Parachain => CheckOutcome::skip("no parachain: no relay chain includes its blocks"),
            Self::PreparedCode => CheckOutcome::skip("validators do not get the code prepared"),
            Self::Messages => CheckOutcome::skip("the chain exchanges no messages with others"),
            Self::OtherChains => {
                CheckOutcome::skip("no other chain was named that this one exchanges messages with (--with SOURCE)")
            }
            Self::RelayChain => CheckOutcome::skip("the relay chain was not named (--relay SOURCE)"),
            Self::RelayRuntime => {
                CheckOutcome::skip("the relay chain's own new code was not given (--relay-runtime BLOB)")
            }
            Self::Network => CheckOutcome::skip(
                "no other chain of its network was named: its relay chain (--relay SOURCE), or parachains of a relay \
                 chain (--with SOURCE)",
            ),
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct CheckEntry {
    /// `storage-layout`.
    pub name: &'static str,
    /// What it asks of the upgrade, in Markdown.
    pub question: &'static str,
    /// When it fails and when it warns, in Markdown.
    pub fails: &'static str,
    /// Without one of these it does not run. The first that is missing gives the reason.
    pub needs: &'static [Need],
}

/// The checks that can find, with all that they need, that they do not apply to a runtime.
const CAN_SKIP: [&str; 11] = [
    "consensus",
    "node-demands",
    "authorities",
    "runtime-apis",
    "migration-failure",
    "message-delivery",
    "relay-move",
    "authorised",
    "next-upgrade",
    "sessions",
    "weights",
];

impl CheckEntry {
    /// Returns whether the check applies to every upgrade, so that no report of all checks skips
    /// it. `tried`: whether a try-runtime build was given.
    pub fn always_applies(&self, tried: bool) -> bool {
        let met = |need: &Need| match need {
            // Without these a check is not judged.
            Need::FirstBlock | Need::MigrationsEnded => true,
            Need::TryRuntimeBuild => tried,
            _ => false,
        };
        self.needs.iter().all(met) && !CAN_SKIP.contains(&self.name)
    }
}

macro_rules! table {
    ($($module:ident = $name:literal {
        question: $question:literal,
        fails: $fails:literal,
        needs: [$($need:ident),*],
    })*) => {
        /// Every check, in the order in which they run and are reported.
        pub const TABLE: [CheckEntry; [$($name),*].len()] = [$(CheckEntry {
            name: $name,
            question: $question,
            fails: $fails,
            needs: &[$(Need::$need),*],
        }),*];

        /// The names of all checks, in the order of [`TABLE`].
        pub const CHECKS: [&str; TABLE.len()] = [$($name),*];

        #[cfg(test)]
        const MODULES: [&str; TABLE.len()] = [$(stringify!($module)),*];
    };
}

for_each_check!(table);

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "<!-- checks: made from crates/protocol/src/checks.rs -->\n";
    const END: &str = "<!-- /checks -->\n";

    fn documented() -> String {
        let mut text = "| Name | Question | Needs | Fails when |\n|---|---|---|---|\n".to_owned();
        for CheckEntry { name, question, fails, needs } in TABLE {
            let needs: Vec<_> = needs.iter().map(|need| need.name()).collect();
            text.push_str(&format!("| `{name}` | {question} | {} | {fails} |\n", needs.join(", ")));
        }
        text
    }

    #[test]
    fn the_documented_table_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dry-run.md");
        let page = std::fs::read_to_string(&path).expect("the page");
        let (before, rest) = page.split_once(BEGIN).expect("the table begins");
        let (written, after) = rest.split_once(END).expect("the table ends");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, [before, BEGIN, &documented(), END, after].concat()).expect("written");
            return;
        }
        assert!(
            written == documented(),
            "the checks in docs/dry-run.md are stale: run UPDATE=1 cargo test --package cutover-protocol"
        );
    }

    #[test]
    fn a_module_is_called_as_its_check() {
        assert_eq!(MODULES.map(|module| module.replace('_', "-")), CHECKS.map(str::to_owned));
    }

    #[test]
    fn some_checks_apply_to_every_upgrade() {
        let applying = |tried| TABLE.iter().filter(move |entry| entry.always_applies(tried)).map(|entry| entry.name);
        let always: Vec<_> = applying(false).collect();
        for name in ["versions", "code-size", "enactment", "migrations", "healthy-blocks", "idempotency"] {
            assert!(always.contains(&name), "{name}");
        }
        for name in ["sessions", "try-state", "async-backing", "storage-layout", "message-queues"] {
            assert!(!always.contains(&name), "{name}");
        }
        let tried: Vec<_> = applying(true).filter(|name| !always.contains(name)).collect();
        assert_eq!(tried, ["pre-post-hooks", "try-state", "equivalence"]);
        assert!(CAN_SKIP.iter().all(|name| CHECKS.contains(name)));
    }

    #[test]
    fn no_two_checks_share_a_name() {
        assert!(CHECKS.iter().enumerate().all(|(at, name)| !CHECKS[..at].contains(name)));
    }
}
