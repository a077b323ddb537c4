// Sums what Valgrind counted, and compares it with bench/instructions.json:
//   node compare-instructions.mjs FOLDER BASELINE [--update]
// FOLDER holds one file of callgrind for each case, BASELINE the counts that are expected.
//
// Only instructions of the program itself count. The C library chooses among its copies of memcpy and
// its kin by the processor, and its version belongs to the machine: with them, counts would differ
// from one machine to the next. What is allocated is counted elsewhere, by filter/tests/filter/costs.rs.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

const [folder, baseline, update] = process.argv.slice(2);
const PERCENT = 3;

// Self costs by object: lines of numbers under `ob=`, without those after `calls=`, which are
// what a called function cost.
function own(text) {
  const names = new Map();
  let object = "";
  let isCall = false;
  let sum = 0;
  for (const line of text.split("\n")) {
    const named = /^ob=\((\d+)\)(?: (.*))?$/.exec(line);
    if (named) {
      if (named[2] !== undefined) names.set(named[1], named[2]);
      object = names.get(named[1]);
    } else if (/^cob=\(\d+\) /.test(line)) {
      const [, id, name] = /^cob=\((\d+)\) (.*)$/.exec(line);
      names.set(id, name);
    } else if (line.startsWith("calls=")) {
      isCall = true;
    } else if (/^[+\-*\d]/.test(line)) {
      if (!isCall && object.endsWith("/count-instructions")) sum += Number(line.split(" ")[1]);
      isCall = false;
    }
  }
  return sum;
}

const found = {};
for (const file of readdirSync(folder).filter((file) => file.endsWith(".callgrind")).sort()) {
  found[file.replace(/^\d+ /, "").replace(/\.callgrind$/, "")] = own(readFileSync(join(folder, file), "utf8"));
}
if (update === "--update") {
  writeFileSync(baseline, `${JSON.stringify(found, null, 2)}\n`);
  console.log(`${baseline} is written`);
  process.exit(0);
}

const expected = JSON.parse(readFileSync(baseline, "utf8"));
let wrong = 0;
for (const name of new Set([...Object.keys(expected), ...Object.keys(found)])) {
  const [before, now] = [expected[name], found[name]];
  const change = (100 * (now - before)) / before;
  // NaN where a case is new or gone.
  const holds = Math.abs(change) <= PERCENT;
  if (!holds) wrong += 1;
  const shown = Number.isNaN(change) ? "new or gone" : `${change >= 0 ? "+" : ""}${change.toFixed(1)} %`;
  console.log(`${holds ? "  " : "! "}${name}: ${now ?? "-"} (${shown})`);
}
if (wrong > 0) {
  console.error(
    `error: ${wrong} counts are more than ${PERCENT} % from bench/instructions.json\n` +
      "       dearer: find out why; meant, or cheaper: scripts/bench-counts --update, and commit the file",
  );
  process.exit(1);
}
