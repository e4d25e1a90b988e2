// What Kratos tells the identity app when somebody registers: nothing. The identity has no id before it is stored, and the
// policy needs no trait. Personal data does not leave Kratos without a need.
function(ctx) {}
