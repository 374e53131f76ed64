// An independent JSON Schema validator (ajv, draft 2020-12) for declarations that Fastness reads too.
//
//   node declaration.mjs SCHEMA.json < LINES
//
// Each line of the input is a declaration as JSON; each line of the output is true or false. A schema that is not valid itself ends the
// program with status 1.
import fs from "node:fs";
import readline from "node:readline";
import Ajv from "ajv/dist/2020.js";

const validate = new Ajv({ strict: false }).compile(JSON.parse(fs.readFileSync(process.argv[2], "utf8")));
for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(validate(JSON.parse(line)) + "\n");
}
