// opa answers Envoy's external authorization calls (envoy.service.auth.v3) with a Rego policy: what
// the benchmark compares the filter with. It does no more than it must (no logs, no metrics, no
// decision ids, no bundle), so what it costs is the least that this way can cost.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	types "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

func main() {
	policy := flag.String("policy", "", "the file of the Rego policy")
	data := flag.String("data", "", "the JSON file of its data")
	listen := flag.String("listen", "127.0.0.1:0", "the address to serve at; it is printed once it serves")
	flag.Parse()
	if err := serve(*policy, *data, *listen); err != nil {
		log.Fatal(err)
	}
}

func serve(policy, data, listen string) error {
	query, err := prepare(policy, data)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	auth.RegisterAuthorizationServer(server, &authorizer{query: query})
	fmt.Println(listener.Addr())
	return server.Serve(listener)
}

func prepare(policy, data string) (rego.PreparedEvalQuery, error) {
	var none rego.PreparedEvalQuery
	module, err := os.ReadFile(policy)
	if err != nil {
		return none, err
	}
	text, err := os.ReadFile(data)
	if err != nil {
		return none, err
	}
	var documents map[string]any
	if err := json.Unmarshal(text, &documents); err != nil {
		return none, fmt.Errorf("%s: %w", data, err)
	}
	return rego.New(
		rego.Query("data.mesh.allow"),
		rego.Module(policy, string(module)),
		rego.Store(inmem.NewFromObject(documents)),
	).PrepareForEval(context.Background())
}

type authorizer struct {
	auth.UnimplementedAuthorizationServer
	query rego.PreparedEvalQuery
}

// Check evaluates the policy. Whatever is not clearly allowed is denied.
func (a *authorizer) Check(ctx context.Context, request *auth.CheckRequest) (*auth.CheckResponse, error) {
	attributes := request.GetAttributes()
	http := attributes.GetRequest().GetHttp()
	input := map[string]any{
		"principal": attributes.GetSource().GetPrincipal(),
		"method":    http.GetMethod(),
		"path":      http.GetPath(),
	}
	results, err := a.query.Eval(ctx, rego.EvalInput(input))
	if err == nil && results.Allowed() {
		return &auth.CheckResponse{
			Status:       &status.Status{Code: int32(codes.OK)},
			HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: &auth.OkHttpResponse{}},
		}, nil
	}
	return &auth.CheckResponse{
		Status: &status.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &auth.CheckResponse_DeniedResponse{DeniedResponse: &auth.DeniedHttpResponse{
			Status: &types.HttpStatus{Code: types.StatusCode_Forbidden},
		}},
	}, nil
}
