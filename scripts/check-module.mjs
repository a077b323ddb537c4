// Checks the module that ships, and prints its size and SHA-256:
//   node check-module.mjs MODULE LIMIT_BYTES [TEXT_THAT_MUST_NOT_OCCUR...]
// It must be small enough, ask the host only for what every proxy-wasm host offers, and name no
// path of the machine that built it.
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
const NEEDED_EXPORTS = ["memory", "_initialize", "proxy_abi_version_0_2_1"];

const [path, limitText, ...forbidden] = process.argv.slice(2);
const bytes = readFileSync(path);
const module = new WebAssembly.Module(bytes);

const isOffered = ({ module: from, name }) =>
  (from === "env" && name.startsWith("proxy_")) ||
  (from === "wasi_snapshot_preview1" && WASI_FUNCTIONS.has(name));
const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));

const complaints = [
  ...WebAssembly.Module.imports(module)
    .filter((wanted) => !isOffered(wanted))
    .map(({ module: from, name }) => `it imports ${from}.${name}, which Envoy may not offer`),
  ...NEEDED_EXPORTS.filter((name) => !exported.has(name)).map((name) => `it lacks the export ${name}`),
  ...forbidden
    .filter((text) => text !== "/" && bytes.includes(`${text}/`))
    .map((text) => `it contains the path ${text} of this machine`),
];
if (bytes.length > Number(limitText)) {
  complaints.push(`it has ${bytes.length} bytes; the limit is ${limitText}`);
}

const digest = createHash("sha256").update(bytes).digest("hex");
console.log(`    ${relative(process.cwd(), path)}`);
console.log(`    ${bytes.length} bytes (limit ${limitText}), SHA-256 ${digest}`);
for (const complaint of complaints) {
  console.error(`error: ${path}: ${complaint}`);
}
process.exitCode = complaints.length === 0 ? 0 : 1;
