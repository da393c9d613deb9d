// The data layer's figures by Dynamoose. Reads lines of JSON from standard input: first what it works on
// ({endpoint, table, key, values, item, many}), then rounds ({operation, count}), each answered with a line
// {cpu, wall}, the microseconds of one operation, or {show: operation}, answered with what it gives.
// `node --expose-gc books.js`

import dynamoose from "dynamoose";
import { createInterface } from "node:readline";

// What Dynamoose's own save and get pass (dist/Item.js, dist/Model/index.js).
const TO_DYNAMO = {
  defaults: true,
  validate: true,
  required: true,
  enum: true,
  forceDefault: true,
  combine: true,
  saveUnknown: true,
  customTypesDynamo: true,
  updateTimestamps: true,
  modifiers: ["set"],
  mapAttributes: true,
};
const FROM_DYNAMO = {
  customTypesDynamo: true,
  checkExpiredItem: true,
  saveUnknown: true,
  modifiers: ["get"],
  type: "fromDynamo",
  mapAttributes: true,
};

const schema = new dynamoose.Schema({
  pk: { type: String, hashKey: true },
  sk: { type: String, rangeKey: true },
  title: String,
  publisher: String,
  language: String,
  summary: String,
  year: Number,
  pages: Number,
  stock: Number,
  price: Number,
  available: Boolean,
  tags: { type: Array, schema: [String] },
});

function operations({ endpoint, table, key, values, item, many }) {
  dynamoose.aws.ddb.set(
    new dynamoose.aws.ddb.DynamoDB({
      endpoint,
      region: "eu-north-1",
      credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "bench" },
    }),
  );
  const Book = dynamoose.model(table, schema, { create: false, waitForActive: false });
  const book = new Book(values);
  return {
    encode: () => book.toDynamo(TO_DYNAMO),
    decode: () => new Book(item, { type: "fromDynamo" }).conformToSchema(FROM_DYNAMO),
    get: () => Book.get(key),
    put: () => book.save(),
    [`query of ${many}`]: () => Book.query("pk").eq(key.pk).limit(many).exec(),
  };
}

async function round(operation, count) {
  global.gc();
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let number = 0; number < count; number += 1) {
    await operation();
  }
  const wall = Number(process.hrtime.bigint() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / count, wall: wall / count };
}

let known;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (known === undefined) {
    known = operations(request);
  } else if (request.show) {
    console.log(JSON.stringify(await known[request.show]()));
  } else {
    console.log(JSON.stringify(await round(known[request.operation], request.count)));
  }
}
