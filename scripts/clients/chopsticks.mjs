// SPDX-License-Identifier: Apache-2.0
// Forks a fork once more with chopsticks, whose own executor then builds blocks on the state that it reads from here, and
// prints what held as one JSON document.
//
//   node chopsticks.mjs URL
import { finish, holds, run } from "./checks.mjs";

// It logs to standard output.
process.env.LOG_LEVEL = "fatal";
const { setupWithServer } = await import("@acala-network/chopsticks");
const { ApiPromise, Keyring, WsProvider } = await import("@polkadot/api");

const endpoint = process.argv[2];

await run(async () => {
  const source = new WsProvider(endpoint, 1_000, {}, 60_000);
  await source.isReady;
  const head = await source.send("chain_getHeader", []);
  const hash = await source.send("chain_getBlockHash", []);

  const { chain, addr, close } = await setupWithServer({ endpoint, port: 0, host: "127.0.0.1", "build-block-mode": "Manual" });
  holds("forks the head", chain.head.hash === hash && chain.head.number === Number(head.number), chain.head.hash);

  const block = await chain.newBlock();
  holds("builds a block", block.number === Number(head.number) + 1, `block ${block.number}`);
  const parent = (await block.header).parentHash.toHex();
  holds("on the head", parent === hash, parent);

  // Both have the same to say of the same block.
  const provider = new WsProvider(`ws://${addr}`, 1_000, {}, 60_000);
  const api = await ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
  const keyring = new Keyring({ type: "sr25519" });
  const [alice, bob] = ["//Alice", "//Bob"].map((uri) => keyring.addFromUri(uri));
  const key = api.query.system.account.key(bob.address);
  const [theirs, ours] = await Promise.all([
    provider.send("state_getStorage", [key, hash]),
    source.send("state_getStorage", [key, hash]),
  ]);
  holds("reads what is here", theirs === ours && ours !== null, `${theirs} and ${ours}`);
  const accounts = await api.query.system.account.keysPaged({ args: [], pageSize: 100 });
  holds("lists keys", accounts.length > 1, `${accounts.length} accounts`);

  const free = async () => (await api.query.system.account(bob.address)).data.free.toBigInt();
  const before = await free();
  await api.tx.balances.transferKeepAlive(bob.address, 1_000_000_000_000n).signAndSend(alice);
  await provider.send("dev_newBlock", [{ count: 1 }]);
  holds("executes a transaction", (await free()) === before + 1_000_000_000_000n, "balances.transferKeepAlive");

  await api.disconnect();
  await close();
  await source.disconnect();
});
finish();
