// Checks the module that ships, and prints its size and SHA-256:
//   node check-module.mjs MODULE LIMIT_BYTES EXPORTS exactly|at-least [TEXT_THAT_MUST_NOT_OCCUR...]
// It must be small enough, ask the host only for what every proxy-wasm host offers, offer the host
// what the file EXPORTS names, a line each beside comments, and name no path of the machine that
// built it. A host that misses a callback goes on without it: a module that lacks
// proxy_on_request_headers would let every request pass.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import process from "node:process";

// WASI functions that Envoy implements and a filter has a use for. None opens a file or a socket.
const WASI_FUNCTIONS = new Set([
  "args_get",
  "args_sizes_get",
  "clock_time_get",
  "environ_get",
  "environ_sizes_get",
  "fd_close",
  "fd_fdstat_get",
  "fd_prestat_dir_name",
  "fd_prestat_get",
  "fd_seek",
  "fd_write",
  "proc_exit",
  "random_get",
  "sched_yield",
]);

const [path, limitText, exportsPath, strictness, ...forbidden] = process.argv.slice(2);
const limit = Number(limitText);
if (!Number.isFinite(limit) || !["exactly", "at-least"].includes(strictness)) {
  console.error("error: usage: check-module.mjs MODULE LIMIT_BYTES EXPORTS exactly|at-least [TEXT...]");
  process.exit(1);
}
const bytes = readFileSync(path);
const module = new WebAssembly.Module(bytes);

const isOffered = ({ module: from, name }) =>
  (from === "env" && name.startsWith("proxy_")) ||
  (from === "wasi_snapshot_preview1" && WASI_FUNCTIONS.has(name));
const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
const neededExports = readFileSync(exportsPath, "utf8")
  .trim()
  .split("\n")
  .filter((line) => !line.startsWith("#"));
const needless =
  strictness === "exactly" ? [...exported].filter((name) => !neededExports.includes(name)) : [];

const complaints = [
  ...WebAssembly.Module.imports(module)
    .filter((wanted) => !isOffered(wanted))
    .map(({ module: from, name }) => `it imports ${from}.${name}, which Envoy may not offer`),
  ...neededExports.filter((name) => !exported.has(name)).map((name) => `it lacks the export ${name}`),
  ...needless.map((name) => `it exports ${name}, which is not needed`),
  ...forbidden
    .filter((text) => text !== "/" && bytes.includes(`${text}/`))
    .map((text) => `it contains the path ${text} of this machine`),
];
if (bytes.length > limit) {
  complaints.push(`it has ${bytes.length} bytes; the limit is ${limitText}`);
}

const digest = createHash("sha256").update(bytes).digest("hex");
console.log(`    ${relative(process.cwd(), path)}`);
console.log(`    ${bytes.length} bytes (limit ${limitText}), SHA-256 ${digest}`);
for (const complaint of complaints) {
  console.error(`error: ${path}: ${complaint}`);
}
process.exitCode = complaints.length === 0 ? 0 : 1;
