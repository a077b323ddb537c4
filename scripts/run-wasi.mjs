// Runs a command compiled for wasm32-wasip1 under Node:
//   node run-wasi.mjs MODULE FOLDER [ARGUMENT...]
// The command sees FOLDER as `/data` and nothing else of this machine.
import { readFileSync } from "node:fs";
import process from "node:process";
import { WASI } from "node:wasi";

const [path, folder, ...args] = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args: [path, ...args],
  env: {},
  preopens: { "/data": folder },
});
const instance = new WebAssembly.Instance(
  new WebAssembly.Module(readFileSync(path)),
  wasi.getImportObject(),
);
// Node 20 collects `wasi` while its functions still run, and aborts, once a program has taken enough memory
// for the collector to look; and it may crash afterwards, unless it ends at once.
process.on("exit", () => wasi);
process.exit(wasi.start(instance));
