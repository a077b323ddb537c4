// check-sbom.mjs SBOM LOCK COMPILED ALL: see scripts/check-sbom. The last two have a line
// `name vVERSION ..` for each crate: those of the module, and those of any target.
import { readFileSync } from 'node:fs';

const [sbomFile, lockFile, compiledFile, allFile] = process.argv.slice(2);
const bill = JSON.parse(readFileSync(sbomFile, 'utf8'));
const problems = [];
const check = (holds, problem) => holds || problems.push(problem);

// CycloneDX 1.5: what a document must have, and what refers to what.
check(bill.bomFormat === 'CycloneDX' && bill.specVersion === '1.5', 'it is not CycloneDX 1.5');
check(Number.isInteger(bill.version) && bill.version >= 1, '`version` is no number from 1 on');
check(!Number.isNaN(Date.parse(bill.metadata?.timestamp)), '`metadata.timestamp` is no time');
const own = bill.metadata?.component;
check(own?.name === 'sallyport-filter', '`metadata.component` is not the filter');
const references = new Set([own?.['bom-ref']]);
for (const component of bill.components) {
  const name = `${component.name} ${component.version}`;
  check(component.type === 'library', `${name}: \`type\` is no library`);
  check(!references.has(component['bom-ref']), `${name}: \`bom-ref\` stands twice`);
  references.add(component['bom-ref']);
  check(component.purl?.startsWith(`pkg:cargo/${component.name}@${component.version}`), `${name}: \`purl\` is of another`);
  check(component.licenses?.length > 0, `${name}: no licence`);
}
for (const { ref, dependsOn } of bill.dependencies ?? []) {
  for (const reference of [ref, ...(dependsOn ?? [])]) {
    check(references.has(reference), `\`dependencies\` names ${reference}, which is no component`);
  }
}

// The crates of the module, by Cargo.
const lock = new Map();
for (const entry of readFileSync(lockFile, 'utf8').split('[[package]]').slice(1)) {
  const of = (key) => entry.match(new RegExp(`^${key} = "(.*)"$`, 'm'))?.[1];
  lock.set(`${of('name')} ${of('version')}`, of('checksum'));
}
const crates = (file) => {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const names = new Set(lines.map((line) => line.split(' ').slice(0, 2).join(' ').replace(' v', ' ')));
  names.delete(`${own?.name} ${own?.version}`);
  return names;
};
const [compiled, all] = [crates(compiledFile), crates(allFile)];
const named = new Map(bill.components.map((component) => [`${component.name} ${component.version}`, component]));
for (const crate of compiled) check(named.has(crate), `${crate} is compiled and not named`);
for (const [crate, component] of named) {
  check(all.has(crate), `${crate} is named, and no target needs it`);
  check(lock.has(crate), `${crate} is not in Cargo.lock`);
  const checksum = lock.get(crate);
  // Our own crates have none.
  const hash = component.hashes?.find(({ alg }) => alg === 'SHA-256')?.content;
  check(hash === checksum, `${crate}: SHA-256 is ${hash}, and ${checksum} in Cargo.lock`);
}

for (const problem of problems) console.error(`error: ${sbomFile}: ${problem}`);
if (problems.length > 0) process.exit(1);
const others = [...named.keys()].filter((crate) => !compiled.has(crate));
console.log(`${sbomFile}: all ${compiled.size} crates of the module, with the checksums of Cargo.lock` +
  (others.length > 0 ? `; of other targets: ${others.join(', ')}` : ''));
