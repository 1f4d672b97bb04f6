// Reads cases, each behind its length, and counts the requests in each, whole and begun, as
// Node's own parser finds them, up to an error or a request that ends its connection.
const { HTTPParser } = process.binding("http_parser");

function count(bytes) {
  const parser = new HTTPParser();
  let begun = 0, whole = 0, stays = true, ended = false, offered = false;
  parser.initialize(HTTPParser.REQUEST, {});
  parser[HTTPParser.kOnHeaders] = () => {};
  parser[HTTPParser.kOnHeadersComplete] = (...of) => {
    begun += 1;
    offered = of[7];
    stays = of[8];
    return 0;
  };
  parser[HTTPParser.kOnBody] = () => {};
  parser[HTTPParser.kOnMessageComplete] = () => {
    whole += 1;
    ended = !stays;
  };
  // byte by byte: what follows a request that ends its connection is not looked at
  for (let at = 0; at < bytes.length && !ended; at += 1) {
    const parsed = parser.execute(bytes.subarray(at, at + 1));
    if (offered) return null;
    if (parsed instanceof Error) break;
  }
  return [whole, begun];
}

const input = require("fs").readFileSync(0);
const counts = [];
for (let at = 0; at < input.length;) {
  const length = input.readUInt32LE(at);
  counts.push(count(input.subarray(at + 4, at + 4 + length)));
  at += 4 + length;
}
console.log(JSON.stringify(counts));
