// The texture's colour, linear: along the axis nearest to the triangle's normal in the object's frame (BOX), or by
// coordinates (UV); else the base colour alone.
uniform sampler2D image;
uniform vec2 repetitions;   // a metre
vec3 textured(vec3 base, vec3 at) {
#ifdef BOX
    vec3 along = dFdx(at), across = dFdy(at), n = abs(cross(along, across));
    bool level = n.z * 1.001 >= max(n.x, n.y), sideways = n.x * 1.001 >= n.y;
    vec2 uv = level ? at.xy : sideways ? at.yz : at.xz;
    // derivatives of the coordinates that this triangle uses, not of its neighbours'
    vec2 dx = level ? along.xy : sideways ? along.yz : along.xz;
    vec2 dy = level ? across.xy : sideways ? across.yz : across.xz;
    return base * textureGrad(image, uv * repetitions, dx * repetitions, dy * repetitions).rgb;
#elif defined UV
    return base * textureGrad(image, at.xy, dFdx(at).xy, dFdy(at).xy).rgb;
#else
    return base;
#endif
}
