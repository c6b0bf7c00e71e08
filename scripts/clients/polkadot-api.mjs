// SPDX-License-Identifier: Apache-2.0
// Uses a fork through polkadot-api, on which newer front ends stand, and prints what held as one JSON document. It is
// connected without the layer that makes do with the older methods where a node has no chainHead_v1.
//
//   node polkadot-api.mjs URL
import { Keyring } from "@polkadot/api";
import { Binary, Enum, createClient } from "polkadot-api";
import { getPolkadotSigner } from "polkadot-api/signer";
import { getWsRawProvider } from "polkadot-api/ws";
import { WebSocket } from "ws";
import { finish, holds, run } from "./checks.mjs";

const AMOUNT = 1_000_000_000_000n;

// What it asks for.
const methods = new Set();
class RecordingWebSocket extends WebSocket {
  send(message, ...more) {
    methods.add(JSON.parse(message).method);
    super.send(message, ...more);
  }
}

const client = createClient(getWsRawProvider(process.argv[2], { websocketClass: RecordingWebSocket }));

await run(async () => {
  const chain = await client.getChainSpecData();
  const head = await client.getFinalizedBlock();
  holds("connects", chain.genesisHash.length === 66 && head.number > 0, `${chain.name}, block ${head.number}`);

  // No types are generated: they come from the fork's own metadata.
  const api = client.getUnsafeApi();
  const number = await api.query.System.Number.getValue();
  holds("reads a value", number >= head.number, `${number}`);
  const accounts = await api.query.System.Account.getEntries();
  holds("reads a map", accounts.length > 1, `${accounts.length} accounts`);
  const version = await api.constants.System.Version();
  holds("reads constants", version.spec_version > 0, `${version.spec_name} ${version.spec_version}`);
  const core = await api.apis.Core.version();
  holds("calls a runtime API", core.spec_version === version.spec_version, `${core.spec_version}`);

  const [alice, bob] = ["//Alice", "//Bob"].map((uri) => new Keyring({ type: "sr25519" }).addFromUri(uri));
  const signer = getPolkadotSigner(alice.publicKey, "Sr25519", (message) => alice.sign(message));
  const free = async () => (await api.query.System.Account.getValue(bob.address)).data.free;
  const before = await free();
  const transfer = api.tx.Balances.transfer_keep_alive({ dest: Enum("Id", bob.address), value: AMOUNT });
  const fee = await transfer.getEstimatedFees(alice.address);
  holds("asks for the fee", fee > 0n, `${fee}`);
  const heads = [];
  const following = client.finalizedBlock$.subscribe((block) => heads.push(block.number));
  const numbers = [];
  const watching = api.query.System.Number.watchValue({ at: "best" }).subscribe(({ value }) => numbers.push(value));
  const told = [];
  const sent = await new Promise((resolve, reject) => {
    transfer.signSubmitAndWatch(signer).subscribe({
      next: (event) => {
        told.push(event.type);
        if (event.type === "finalized") {
          resolve(event);
        }
      },
      error: reject,
    });
  });
  holds("is told of each step", ["signed", "broadcasted", "txBestBlocksState", "finalized"].every((step) => told.includes(step)), told.join(", "));
  holds("its transaction succeeded", sent.ok, JSON.stringify(sent.dispatchError));
  holds("it had its effect", (await free()) === before + AMOUNT, "Balances.transfer_keep_alive");
  const body = await client.getBlockBody(sent.block.hash);
  holds("the block holds it", body.length > 1, `${body.length} extrinsics`);

  const later = await api.query.System.Account.getValue(bob.address, { at: sent.block.hash });
  holds("reads at a block", later.data.free === before + AMOUNT, `${later.data.free}`);
  following.unsubscribe();
  watching.unsubscribe();
  holds("is told of finalized blocks", heads.includes(sent.block.number), heads.join(", "));
  holds("is told of values", numbers.includes(sent.block.number), numbers.join(", "));

  const failing = await api.tx.Balances.transfer_keep_alive({ dest: Enum("Id", bob.address), value: 1n << 100n }).signAndSubmit(signer);
  holds("a failed dispatch is told", !failing.ok && failing.dispatchError !== undefined, JSON.stringify(failing.dispatchError));
  const refused = await api.tx.System.remark({ remark: Binary.fromText("") }).signAndSubmit(signer, { nonce: 0 }).then(() => "taken", (error) => error.message);
  holds("a stale nonce is refused", /Stale/.test(refused), refused);

  const older = [...methods].filter((method) => !/^(chainHead|chainSpec|transaction|archive)_v1_|^rpc_methods$/.test(method));
  holds("asks by the new methods alone", methods.has("chainHead_v1_follow") && older.length === 0, older.join(", "));
});
client.destroy();
finish();
