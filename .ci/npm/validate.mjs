// An independent JSON Schema validator (ajv, draft 2020-12) for bodies that Fastness judges too.
//
//   node validate.mjs OPENAPI.json < LINES
//
// Each line of the input is {"schema": "#/components/schemas/NAME", "body": …}; each line of the output is true or false. An
// unknown schema, or one that is not valid itself, ends the program with status 1.
import fs from "node:fs";
import readline from "node:readline";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";

const doc = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: true });
formats(ajv);
ajv.addSchema({ $id: "openapi", components: doc.components });

const compiled = new Map();
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { schema, body } = JSON.parse(line);
  if (!compiled.has(schema)) compiled.set(schema, ajv.compile({ $ref: "openapi" + schema }));
  process.stdout.write(compiled.get(schema)(body) + "\n");
}
