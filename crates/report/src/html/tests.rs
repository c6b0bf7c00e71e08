// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::samples::{self, bundle};
use base64::{Engine, engine::general_purpose::STANDARD};
use protocol::{Failure, Verdict, proposal::ProposeOutcome};
use sha2::{Digest, Sha256};

#[test]
fn the_page_shows_verdict_hashes_blocks_and_calls() {
    let page = report(&bundle());
    for part in [
        "<title>Upgrade of standalone from 1 to 2</title>",
        "<p class=\"verdict pass\">PASSED</p>",
        "<tr><td><span class=\"pass\">pass</span></td><th scope=\"row\">Dry run on the chain&#39;s state</th><td>of 3 checks: 2 passed, 1 does not apply</td></tr>",
        "<tr><th scope=\"row\">New runtime</th><td>solo 2, transaction_version 3</td></tr>",
        "<code data-copy=\"the code&#39;s blake2_256\">0x12</code>",
        "<code data-copy=\"the block&#39;s hash\">0xb1</code>",
        "<code data-copy=\"the state root\">0xa1</code> the state was compared with it",
        "<th scope=\"row\">versions</th><td><details><summary>1 to 2</summary><ul><li>a</li>",
        "1 more <strong>Allowed: nodes are new</strong><ul><li>ext_new</li>",
        "<th scope=\"row\">indexers and front ends</th><td>3 <small>changes</small></td><td>1 <small>breaking</small></td>",
        "<li><code>Balances.<wbr>Account</code> <strong>storage value</strong><ul><li>free: u128 became u64</li>",
        "<details><summary>1 other change</summary>",
        "<code>Balances.<wbr>Limit</code> <strong>constant value</strong> 1 → 2</li>",
        "The greatest ref_time is 1000.00 ms: 50.0 % of the limit of a block, 2000.00 ms.",
        "<th scope=\"row\">Balances.<wbr>transfer</th><td>4.00 → 5.00 µs <small>+25.0 %</small><svg",
        "1 weight file with 2 extrinsics: passed, 1 finding.",
        "<span class=\"warn\">warn</span></td><th scope=\"row\">never-fits</th><td>pallet_xcm: Weight::MAX</td>",
        "<h3>Since the previous release</h3>",
        "<th scope=\"row\">pallet_<wbr>own::<wbr>f</th><td>2.00 → 1.00 µs <small>-50.0 %</small><svg",
        "<th scope=\"row\">Balances.<wbr>Limit<small>an amount</small></th><td>1 PAS</td><td>2 PAS</td>",
        "<details><summary>1 new</summary>",
        "1,000 bytes, +100 compared with the current code; 25.0 % of the network&#39;s limit of 4,000<svg",
        "<code class=\"call\">Sudo.sudo(&lt;x&gt;)</code>",
        "<span class=\"pass\">&#9745;</span>The blob is newer than what the chain runs, and small enough",
        "<span class=\"open\">&#9744;</span>Weights of calls are unchanged, or were benchmarked again (weights: not run)",
        "<span class=\"skip\">&#8211;</span>Sessions end under the new code (does not apply: no sessions)",
        "cargo xtask verify BUNDLE --root SIGNERS --rebuild",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn the_policy_names_the_script_that_is_there() {
    assert_eq!(SCRIPT_HASH, format!("sha256-{}", STANDARD.encode(Sha256::digest(SCRIPT))));
}

#[test]
fn the_page_loads_nothing_from_the_network() {
    let page = report(&bundle());
    for part in ["http:", "https:", "src=", "href=", "url(", "@import", "onclick", "style=\""] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn hostile_names_are_escaped() {
    let text = "</script><script>alert(1)</script><img src=x onerror=\"alert(2)\">' onload='x\u{202e}";
    let evil = samples::poisoned(text);
    let page = report(&evil);
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(page.matches("</script>").count(), 1);
    assert!(!page.contains("<img") && !page.contains('\u{202e}'));
    // Quotes in text are always escaped, so no text can add an attribute.
    assert!(!page.contains("onerror=\"") && !page.contains("' onload='"));
}

#[test]
fn the_duration_is_not_shown_and_missing_steps_have_no_section() {
    let mut other = bundle();
    samples::dry_run_of(&mut other).seconds = 2.0;
    assert_eq!(report(&bundle()), report(&other));
    let empty = report(&Bundle { name: "x".into(), ..Bundle::default() });
    assert!(
        !empty.contains("<h2>The checks") && !empty.contains("<h2>The proposal") && empty.contains("NOT REHEARSED")
    );
}

#[test]
fn one_step_that_failed_heads_the_page() {
    let breaks: [fn(&mut Bundle); 3] = [
        |bundle| samples::diff_of(bundle).verdict = Verdict::Fail,
        |bundle| samples::dry_run_of(bundle).verdict = Verdict::Fail,
        |bundle| bundle.propose = Some(ProposeOutcome::Refused { error: Failure::check("the chain refuses it") }),
    ];
    for fail in breaks {
        let mut bundle = bundle();
        fail(&mut bundle);
        assert!(report(&bundle).contains("<p class=\"verdict fail\">FAILED</p>"));
    }
}
