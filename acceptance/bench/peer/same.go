package main

import (
	"context"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// same has the attributes of kontraktor_variable, with the same types and flags.
type same struct{}

type sameModel struct {
	ID                 types.String `tfsdk:"id"`
	Project            types.String `tfsdk:"project"`
	Env                types.String `tfsdk:"env"`
	Key                types.String `tfsdk:"key"`
	Value              types.String `tfsdk:"value"`
	Type               types.String `tfsdk:"type"`
	Description        types.String `tfsdk:"description"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
	OnConflict         types.String `tfsdk:"on_conflict"`
	Revision           types.Int64  `tfsdk:"revision"`
}

// The backend lives as long as the process, which is one command of terraform. Read keeps what an earlier one wrote.
var (
	backend  = map[string]sameModel{}
	revision int64
	mutex    sync.Mutex
)

func (same) Metadata(_ context.Context, _ resource.MetadataRequest, r *resource.MetadataResponse) {
	r.TypeName = "peer_same"
}

func (same) Schema(_ context.Context, _ resource.SchemaRequest, r *resource.SchemaResponse) {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	r.Schema = schema.Schema{Description: "One variable of an environment.", Attributes: map[string]schema.Attribute{
		"id":          schema.StringAttribute{Computed: true, PlanModifiers: keep, Description: "The ID."},
		"project":     schema.StringAttribute{Required: true, PlanModifiers: replace, Description: "The project's name."},
		"env":         schema.StringAttribute{Required: true, PlanModifiers: replace, Description: "The environment's name."},
		"key":         schema.StringAttribute{Required: true, PlanModifiers: replace, Description: "The key."},
		"value":       schema.StringAttribute{Required: true, Description: "The value."},
		"type":        schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("string"), Description: "Its type."},
		"description": schema.StringAttribute{Optional: true, Description: "Its description."},
		"deletion_protection": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false), Description: "Whether deleting it is refused.",
		},
		"on_conflict": schema.StringAttribute{Optional: true, Description: "What to do on a conflict."},
		"revision":    schema.Int64Attribute{Computed: true, Description: "The revision that last wrote it."},
	}}
}

// store keeps the planned state in the backend, with what the provider computes.
func (m *sameModel) store() {
	m.ID = types.StringValue(m.Project.ValueString() + "/" + m.Env.ValueString() + "/" + m.Key.ValueString())
	mutex.Lock()
	defer mutex.Unlock()
	revision++
	m.Revision = types.Int64Value(revision)
	backend[m.ID.ValueString()] = *m
}

// write stores a plan and makes it the state.
func write(ctx context.Context, plan tfsdk.Plan, state *tfsdk.State, diagnostics *diag.Diagnostics) {
	var m sameModel
	diagnostics.Append(plan.Get(ctx, &m)...)
	m.store()
	diagnostics.Append(state.Set(ctx, &m)...)
}

func (same) Create(ctx context.Context, q resource.CreateRequest, r *resource.CreateResponse) {
	write(ctx, q.Plan, &r.State, &r.Diagnostics)
}

func (same) Read(ctx context.Context, q resource.ReadRequest, r *resource.ReadResponse) {
	var m sameModel
	r.Diagnostics.Append(q.State.Get(ctx, &m)...)
	mutex.Lock()
	if stored, ok := backend[m.ID.ValueString()]; ok {
		m = stored
	}
	mutex.Unlock()
	r.Diagnostics.Append(r.State.Set(ctx, &m)...)
}

func (same) Update(ctx context.Context, q resource.UpdateRequest, r *resource.UpdateResponse) {
	write(ctx, q.Plan, &r.State, &r.Diagnostics)
}

func (same) Delete(ctx context.Context, q resource.DeleteRequest, r *resource.DeleteResponse) {
	var m sameModel
	r.Diagnostics.Append(q.State.Get(ctx, &m)...)
	mutex.Lock()
	delete(backend, m.ID.ValueString())
	mutex.Unlock()
}
