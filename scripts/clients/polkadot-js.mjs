// SPDX-License-Identifier: Apache-2.0
// Uses a fork as wallets and explorers do, through @polkadot/api, and prints what held as one JSON document.
//
//   node polkadot-js.mjs URL
import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import { finish, holds, run } from "./checks.mjs";

const AMOUNT = 1_000_000_000_000n;

const provider = new WsProvider(process.argv[2], 1_000, {}, 60_000);

await run(async () => {
  const api = await ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
  const [chain, version, head] = await Promise.all([
    api.rpc.system.chain(),
    api.rpc.state.getRuntimeVersion(),
    api.rpc.chain.getHeader(),
  ]);
  holds("connects", api.runtimeVersion.specVersion.eq(version.specVersion), `${chain}, ${version.specName} ${version.specVersion}`);

  // Storage: one value, many values of a map, a proof of them.
  const keyring = new Keyring({ type: "sr25519" });
  const [alice, bob] = ["//Alice", "//Bob"].map((uri) => keyring.addFromUri(uri));
  const accounts = await api.query.system.account.entriesPaged({ args: [], pageSize: 100 });
  const keys = accounts.map(([key]) => key.toHex());
  const proof = await api.rpc.state.getReadProof(keys);
  holds("reads", accounts.length > 1 && proof.proof.length > 0, `${accounts.length} accounts`);
  const stored = await api.query.system.number();
  holds("at the head", stored.toNumber() === head.number.toNumber(), `block ${head.number}`);

  // Subscriptions: heads, a value.
  const heads = [];
  const unsubscribe = await api.rpc.chain.subscribeNewHeads((header) => heads.push(header.number.toNumber()));
  const watched = [];
  const unwatch = await api.query.system.number((number) => watched.push(number.toNumber()));

  // A transaction, signed here: what it will cost, whether it is valid, and on to the end.
  const transfer = api.tx.balances.transferKeepAlive(bob.address, AMOUNT);
  const fee = (await transfer.paymentInfo(alice)).partialFee.toBigInt();
  holds("asks for the fee", fee > 0n, `${fee}`);
  const free = async (who) => (await api.query.system.account(who.address)).data.free.toBigInt();
  const before = await free(bob);
  const sent = await submitted(api, transfer, alice);
  holds("sends a transaction", sent.dispatchError === undefined, sent.events.join(", "));
  holds("is told that it is in a block, and then that it is final", sent.told.join() === "InBlock,Finalized", sent.told.join());
  holds("it had its effect", (await free(bob)) === before + AMOUNT, "balances.transferKeepAlive");

  // The block that it is in, whole, and the state at that block.
  const { block } = await api.rpc.chain.getBlock(sent.block);
  const found = block.extrinsics.some((extrinsic) => extrinsic.hash.eq(transfer.hash));
  holds("the block holds it", found && block.header.hash.eq(sent.block), `${block.extrinsics.length} extrinsics`);
  const then = await api.at(block.header.parentHash);
  holds("earlier states stay", (await then.query.system.account(bob.address)).data.free.toBigInt() === before, "");
  const derived = await api.derive.chain.getBlock(sent.block);
  holds("derives", derived.events.length > 0, `${derived.events.length} events`);

  // A call that fails is in the block and says why.
  const failing = await submitted(api, api.tx.balances.transferKeepAlive(bob.address, 1n << 100n), alice);
  holds("a failed dispatch is told", failing.dispatchError !== undefined, String(failing.dispatchError));
  // One that is not valid is refused.
  const refused = await api.tx.system.remark("0x00").signAndSend(alice, { nonce: 0 }).then(() => "taken", (error) => error.message);
  holds("a stale nonce is refused", /1010/.test(refused), refused);

  const built = await provider.send("dev_newBlock", [{ count: 2 }]);
  const last = await api.rpc.chain.getHeader(built);
  await until(() => [heads, watched].every((told) => told.includes(last.number.toNumber())));
  unsubscribe();
  unwatch();
  holds("is told of heads", heads.includes(last.number.toNumber()), heads.join(", "));
  holds("is told of values", watched.includes(last.number.toNumber()), watched.join(", "));
  await api.disconnect();
});
finish();

// Returns after a minute at the latest: what did not come by then is missed by who asks for it.
async function until(condition) {
  const end = Date.now() + 60_000;
  while (!condition() && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function submitted(api, transaction, signer) {
  return new Promise((resolve, reject) => {
    const told = [];
    transaction
      .signAndSend(signer, ({ status, events, dispatchError }) => {
        if (status.isInBlock || status.isFinalized) {
          told.push(status.type);
        }
        if (status.isFinalized) {
          const names = events.map(({ event }) => `${event.section}.${event.method}`);
          resolve({ block: status.asFinalized, events: names, dispatchError, told });
        } else if (status.isInvalid || status.isDropped) {
          reject(new Error(`the transaction became ${status.type}`));
        }
      })
      .catch(reject);
  });
}
