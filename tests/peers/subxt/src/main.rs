// SPDX-License-Identifier: Apache-2.0
//! Uses a served fork as programs on subxt do: reads, calls, sends a transaction, follows it, reads its block.
//!
//!     cutover-peer-subxt URL

use std::{process::ExitCode, time::Duration};
use subxt::{
    Error, OnlineClient, PolkadotConfig,
    dynamic::{self, Value},
};
use subxt_signer::sr25519::dev;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: cutover-peer-subxt URL");
        return ExitCode::from(2);
    };
    match tokio::time::timeout(PATIENCE, used(&url)).await {
        Ok(Ok(found)) if found.iter().all(|(_, holds)| *holds) => {
            println!("{} things held", found.len());
            ExitCode::SUCCESS
        }
        Ok(Ok(found)) => {
            eprintln!("{:?}", found.iter().filter(|(_, holds)| !holds).collect::<Vec<_>>());
            ExitCode::FAILURE
        }
        Ok(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Err(_) => {
            eprintln!("no end after {} s", PATIENCE.as_secs());
            ExitCode::FAILURE
        }
    }
}

async fn used(url: &str) -> Result<Vec<(&'static str, bool)>, Error> {
    let api = OnlineClient::<PolkadotConfig>::from_insecure_url(url).await?;
    let (alice, bob) = (dev::alice(), dev::bob());
    let before = api.at_current_block().await?;
    let mut found = Vec::new();

    let number = before.storage().fetch(dynamic::storage::<(), u32>("System", "Number"), ()).await?.decode()?;
    found.push(("the number is that of the head", u64::from(number) == before.block_number()));
    let account = dynamic::storage::<([u8; 32],), Value>("System", "Account");
    let stored = before.storage().fetch(account, (alice.public_key().0,)).await?.decode()?;
    found.push(("a value of a map is read", stored.to_string().contains("free")));
    let deposit = before.constants().entry(dynamic::constant::<u128>("Balances", "ExistentialDeposit"))?;
    found.push(("a constant is read", deposit > 0));

    let mut blocks = api.stream_blocks().await?;
    let call = (bob.public_key().to_address::<()>(), 1_000_000_000_000u128);
    let transaction = dynamic::transaction("Balances", "transfer_keep_alive", call);
    let events = before
        .transactions()
        .sign_and_submit_then_watch_default(&transaction, &alice)
        .await?
        .wait_for_finalized_success()
        .await?;
    let transferred = events.iter().filter_map(Result::ok).any(|event| event.event_name() == "Transfer");
    found.push(("a transaction is followed to its success", transferred));

    let after = api.at_current_block().await?;
    let nonce = |account: [u8; 32]| dynamic::runtime_api_call::<_, u32>("AccountNonceApi", "account_nonce", (account,));
    let nonces = (
        before.runtime_apis().call(nonce(alice.public_key().0)).await?,
        after.runtime_apis().call(nonce(alice.public_key().0)).await?,
    );
    found.push(("the runtime is called at either block", nonces.1 == nonces.0 + 1));

    let extrinsics = after.extrinsics().fetch().await?;
    let names = extrinsics.iter().filter_map(Result::ok).map(|extrinsic| extrinsic.call_name().to_owned());
    found.push(("the block holds it", names.collect::<Vec<_>>().contains(&"transfer_keep_alive".to_owned())));
    let told = blocks.next().await.transpose()?;
    found.push(("heads are told", told.is_some()));
    Ok(found)
}
