// One life of a lease through the client that openapi-typescript and openapi-fetch make.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { env: Record<string, string | undefined> };
type Problem = components["schemas"]["Problem"];

const gate = createClient<paths>({
  baseUrl: process.env.CAMGATE_URL ?? "",
  headers: { Authorization: `Bearer ${process.env.CAMGATE_TOKEN}` },
});

function given<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail ?? "no answer");
  return answer.data;
}

function refused(answer: { error?: Problem }): Problem {
  if (answer.error === undefined) throw new Error("that was to be refused");
  return answer.error;
}

const grant = given(
  await gate.POST("/api/v1/stream/reserve", {
    body: { camera_id: "lobby-1", quality: "medium", replace: null },
    params: { header: { "Idempotency-Key": "typescript-1" } },
  }),
);
const of_lease = { params: { path: { id: grant.lease_id } } };
const beat = given(await gate.POST("/api/v1/stream/heartbeat/{id}", of_lease));
const fresh = given(
  await gate.GET("/api/v1/stream/token/{camera}", {
    params: { path: { camera: grant.camera_id } },
  }),
);
const { leases } = given(await gate.GET("/api/v1/stream/leases"));
const explained = given(
  await gate.POST("/api/v1/policy/explain", { body: { camera_id: "lobby-1" } }),
);
const released = await gate.DELETE("/api/v1/stream/release/{id}", of_lease);
const late = refused(await gate.POST("/api/v1/stream/heartbeat/{id}", of_lease));
const odd = refused(
  await gate.POST("/api/v1/stream/reserve", {
    body: { camera_id: "lobby-1", quality: "nonsense" },
  }),
);
const unknown = refused(
  await gate.POST("/api/v1/stream/reserve", { body: { camera_id: "nowhere" } }),
);

console.log(
  JSON.stringify({
    lease: grant.lease_id,
    quality: grant.quality,
    beat: [beat.lease_id, beat.token ?? null],
    fresh: [fresh.lease_id, fresh.token.length > 0],
    listed: leases.map((lease) => lease.lease_id),
    verdict: explained.verdict,
    released: released.response.status,
    late: [late.type, late.ended_by],
    odd: [odd.type, odd.errors?.map((error) => error.pointer)],
    unknown: [unknown.type, unknown.status],
  }),
);
