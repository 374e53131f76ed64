package keep

import (
	"github.com/fastness-dev/fastness/internal/plan"
)

func batchSchema() *plan.Schema {
	name := &plan.Schema{Type: "string", MaxLength: 64}
	op := &plan.Schema{Type: "object", Closed: true, Properties: map[string]*plan.Schema{"create": name, "update": name, "delete": name,
		"id": name, "new": {Any: true}, "if_match": {Type: "string", MaxLength: 100}}}
	return &plan.Schema{Type: "object", Closed: true, Required: []string{"do"}, Properties: map[string]*plan.Schema{"do": {Type: "array", Items: op, MaxItems: maxBatch}}}
}

func canSchema() *plan.Schema {
	name := &plan.Schema{Type: "string", MaxLength: 64}
	q := &plan.Schema{Type: "object", Closed: true, Required: []string{"action", "collection"}, Properties: map[string]*plan.Schema{
		"action": {Type: "string", Enum: []string{"read", "create", "update", "delete"}}, "collection": name, "id": name, "new": {Any: true}}}
	return &plan.Schema{Type: "object", Closed: true, Required: []string{"do"}, Properties: map[string]*plan.Schema{"do": {Type: "array", Items: q, MaxItems: maxBatch}}}
}
