// What Kratos tells the identity app when somebody registers: the language that the browser asks for, and nothing else. The identity
// has no id before it is stored, and the policy needs no trait. Personal data does not leave Kratos without a need.
function(ctx)
  local headers = ctx.request_headers;
  local languages = if std.objectHas(headers, 'Accept-Language') then headers['Accept-Language'] else [];
  { [if std.length(languages) > 0 then 'accept_language']: languages[0] }
