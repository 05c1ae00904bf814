// One life of a lease through the client that oapi-codegen makes.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"camgate.test/generators/gate"
)

// given is what was answered, or an end.
func given[T any](answer *T, problem *gate.Problem, err error) *T {
	if err == nil && answer == nil {
		err = fmt.Errorf("refused: %+v", problem)
	}
	if err != nil {
		panic(err)
	}
	return answer
}

func main() {
	ctx := context.Background()
	bearer := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Getenv("CAMGATE_TOKEN"))
		return nil
	}
	c, err := gate.NewClientWithResponses(os.Getenv("CAMGATE_URL"),
		gate.WithRequestEditorFn(bearer))
	if err != nil {
		panic(err)
	}
	key, medium, nonsense := "go-1", "medium", "nonsense"

	r, err := c.ReserveWithResponse(ctx, &gate.ReserveParams{IdempotencyKey: &key},
		gate.ReserveRequest{CameraId: "lobby-1", Quality: &medium})
	grant := given(r.JSON201, r.ApplicationproblemJSON403, err)
	b, err := c.HeartbeatWithResponse(ctx, grant.LeaseId)
	beat := given(b.JSON200, b.ApplicationproblemJSON410, err)
	t, err := c.TokenWithResponse(ctx, grant.CameraId)
	fresh := given(t.JSON200, t.ApplicationproblemJSON404, err)
	l, err := c.LeasesWithResponse(ctx, &gate.LeasesParams{})
	listed := []string{}
	for _, lease := range given(l.JSON200, l.ApplicationproblemJSON403, err).Leases {
		listed = append(listed, lease.LeaseId)
	}
	e, err := c.ExplainWithResponse(ctx, gate.ExplainRequest{CameraId: "lobby-1"})
	explained := given(e.JSON200, e.ApplicationproblemJSON404, err)
	released, err := c.ReleaseWithResponse(ctx, grant.LeaseId)
	given(released, nil, err)
	b, err = c.HeartbeatWithResponse(ctx, grant.LeaseId)
	late := given(b.ApplicationproblemJSON410, nil, err)
	r, err = c.ReserveWithResponse(ctx, nil,
		gate.ReserveRequest{CameraId: "lobby-1", Quality: &nonsense})
	odd := given(r.ApplicationproblemJSON422, nil, err)
	pointers := []string{}
	for _, fault := range *odd.Errors {
		pointers = append(pointers, fault.Pointer)
	}
	r, err = c.ReserveWithResponse(ctx, nil, gate.ReserveRequest{CameraId: "nowhere"})
	unknown := given(r.ApplicationproblemJSON404, nil, err)

	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"lease":    grant.LeaseId,
		"quality":  grant.Quality,
		"beat":     []any{beat.LeaseId, beat.Token},
		"fresh":    []any{fresh.LeaseId, len(fresh.Token) > 0},
		"listed":   listed,
		"verdict":  explained.Verdict,
		"released": released.StatusCode(),
		"late":     []any{late.Type, late.EndedBy},
		"odd":      []any{odd.Type, pointers},
		"unknown":  []any{unknown.Type, unknown.Status},
	})
}
