// The environment's copy of this file runs, because Node looks for modules beside it.
const fs = require('fs')
const ort = require('onnxruntime-node')

async function handler (event) {
  const session = await ort.InferenceSession.create(process.env.BENCH_MODEL, {
    intraOpNumThreads: 1
  })
  const feed = {}
  for (const [name, value] of Object.entries(JSON.parse(event.body))) {
    const isText = typeof value === 'string'
    const values = isText ? [value] : Float64Array.of(value)
    feed[name] = new ort.Tensor(isText ? 'string' : 'float64', values, [1, 1])
  }
  const { prediction } = await session.run(feed, ['prediction'])
  return { statusCode: 200, body: JSON.stringify({ prediction: prediction.data[0] }) }
}

async function main () {
  const event = JSON.parse(fs.readFileSync(process.argv[2], 'utf-8'))
  const answer = await handler(event)
  console.log(answer.body)
  process.stdin.resume()
}

main()
