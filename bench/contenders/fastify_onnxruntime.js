// The environment's copy of this file runs, because Node looks for modules beside it.
const ort = require('onnxruntime-node')
const fastify = require('fastify')()

const text = { type: 'string' }
const score = { type: 'number' }
const properties = {
  gender: text,
  race_ethnicity: text,
  parental_level_of_education: text,
  lunch: text,
  test_preparation_course: text,
  reading_score: score,
  writing_score: score
}
const schema = {
  body: { type: 'object', properties, required: Object.keys(properties) },
  response: { 200: { type: 'object', properties: { prediction: score } } }
}

async function main () {
  const session = await ort.InferenceSession.create(process.env.BENCH_MODEL, {
    intraOpNumThreads: 1
  })
  fastify.post('/predict', { schema }, async ({ body }) => {
    const feed = {}
    for (const name in properties) {
      const type = properties[name] === text ? 'string' : 'float64'
      const values = type === 'string' ? [body[name]] : Float64Array.of(body[name])
      feed[name] = new ort.Tensor(type, values, [1, 1])
    }
    const { prediction } = await session.run(feed, ['prediction'])
    return { prediction: prediction.data[0] }
  })
  await fastify.listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
}

main()
