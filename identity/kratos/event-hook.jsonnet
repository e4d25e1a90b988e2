// What Kratos tells the identity app for the audit log: whom it is about and by which method. No trait, no address, no header.
function(ctx)
  local known = std.objectHas(ctx.flow, 'active') && std.type(ctx.flow.active) == 'string';
  {
    subject: ctx.identity.id,
    [if known then 'method']: ctx.flow.active,
  }
