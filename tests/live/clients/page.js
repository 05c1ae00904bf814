// A page of another origin by the plan, at each front; the body of an async function.
// fetch streams a body over HTTP/2 alone, so plans are a front's own.
const told = {};
for (const [url, plan] of Object.entries(given.plans)) {
  let lease = "";
  for (const [step, method, path, mode, body] of plan) {
    const bearer = { Authorization: `Bearer ${given.token}` };
    const options = { method, headers: bearer };
    if (body) {
      options.headers["Content-Type"] = "application/json";
      options.body = body;
    }
    if (mode === "streamed") {
      options.body = new Blob([body]).stream();
      options.duplex = "half";
    }
    let reply, text;
    try {
      reply = await fetch(url + path.replace("{lease}", lease), options);
      text = await reply.text();
    } catch (error) {
      told[`${url}\t${step}`] = ["0", "-", "", `${error}`];
      continue;
    }
    if (step.startsWith("reserve")) lease = JSON.parse(text).lease_id ?? lease;
    told[`${url}\t${step}`] =
      [`${reply.status}`, "-", reply.headers.get("Content-Type") ?? "", text];
  }
}
return told;
