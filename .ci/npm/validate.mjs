// An independent JSON Schema validator (ajv, draft 2020-12) for bodies that Fastness judges too.
//
//   node validate.mjs OPENAPI.json < LINES
//
// Each line of the input is {"schema": "#/components/schemas/NAME", "body": …}; each line of the output is true or false. An
// unknown schema, or one that is not valid itself, ends the program with status 1.
import fs from "node:fs";
import readline from "node:readline";
import { domainToASCII } from "node:url";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";

const doc = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: true });
formats(ajv);
// ajv has no idn-email (RFC 6531): the domain in its ASCII form must make an e-mail address.
const email = ajv.compile({ type: "string", format: "email" });
ajv.addFormat("idn-email", (s) => {
  const at = s.lastIndexOf("@");
  return at > 0 && email(s.slice(0, at + 1) + domainToASCII(s.slice(at + 1)));
});
ajv.addSchema({ $id: "openapi", components: doc.components });

const compiled = new Map();
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { schema, body } = JSON.parse(line);
  if (!compiled.has(schema)) compiled.set(schema, ajv.compile({ $ref: "openapi" + schema }));
  process.stdout.write(compiled.get(schema)(body) + "\n");
}
