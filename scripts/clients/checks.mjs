// SPDX-License-Identifier: Apache-2.0
// What a client found, as one JSON document on standard output.

const findings = [];
let count = 0;

export function holds(what, condition, detail) {
  count += 1;
  if (!condition) {
    findings.push(`${what}: ${detail}`);
  }
}

// A client that throws has found something.
export async function run(body) {
  try {
    await body();
  } catch (error) {
    findings.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}

export function finish() {
  const status = findings.length > 0 || count === 0 ? "fail" : "pass";
  const detail = `${count - Math.min(count, findings.length)} of ${count} things held`;
  process.stdout.write(JSON.stringify({ status, detail, findings }) + "\n", () => process.exit(0));
}
