# What the policy of the benchmark says, as far as Rego can: the caller is in a segment from which a
# flow leads here, and the flow covers method and path.
package mesh

default allow := false

allow if {
	segment := data.segments[input.principal]
	some operation in data.flows[segment]
	input.method in operation.methods
	some path in operation.paths
	glob.match(path, ["/"], input.path)
}
