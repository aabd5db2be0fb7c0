// An application of Spring Boot as docs/applications.md says to set it up: it logs people in, and its API takes access tokens. It
// says in JSON who it believes is there.

import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.core.authority.mapping.GrantedAuthoritiesMapper;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.RefreshTokenOAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.annotation.RegisteredOAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.oauth2.core.oidc.user.OidcUserAuthority;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtValidators;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationConverter;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@Configuration
@EnableAutoConfiguration
@RestController
public class Application {
    public static void main(String[] arguments) {
        SpringApplication.run(Application.class, arguments);
    }

    // A group is an authority of its name, with no more made of it.
    private static Collection<GrantedAuthority> authorities(List<String> groups) {
        Set<GrantedAuthority> found = new LinkedHashSet<>();
        for (String group : groups == null ? List.<String>of() : groups) {
            found.add(new SimpleGrantedAuthority(group));
        }
        return found;
    }

    @Bean
    GrantedAuthoritiesMapper groupsOfPeople() {
        return given -> {
            Set<GrantedAuthority> found = new LinkedHashSet<>();
            for (GrantedAuthority one : given) {
                if (one instanceof OidcUserAuthority user) {
                    found.addAll(authorities(user.getIdToken().getClaimAsStringList("groups")));
                }
            }
            return found;
        };
    }

    // Each use refreshes, as access tokens last for less than an hour.
    @Bean
    RefreshTokenOAuth2AuthorizedClientProvider refreshes(ApplicationEventPublisher events) {
        var provider = new RefreshTokenOAuth2AuthorizedClientProvider();
        provider.setClockSkew(Duration.ofHours(1));
        provider.setApplicationEventPublisher(events);
        return provider;
    }

    // Pasee's access tokens say that they are (RFC 9068): `typ` is at+jwt, which the decoder of the settings alone refuses.
    @Bean
    JwtDecoder accessTokens(
        @Value("${spring.security.oauth2.resourceserver.jwt.issuer-uri}") String issuer,
        @Value("${spring.security.oauth2.resourceserver.jwt.audiences}") String audience
    ) {
        var decoder = NimbusJwtDecoder.withIssuerLocation(issuer)
            .jwsAlgorithm(SignatureAlgorithm.ES256).validateType(false).build();
        var anyClient = new JwtClaimValidator<String>("client_id", Objects::nonNull);
        decoder.setJwtValidator(JwtValidators.createAtJwtValidator().issuer(issuer).audience(audience)
            .validators(all -> all.put("client_id", anyClient)).build());
        return decoder;
    }

    @Bean
    @Order(1)
    SecurityFilterChain api(HttpSecurity http) throws Exception {
        var converter = new JwtAuthenticationConverter();
        converter.setJwtGrantedAuthoritiesConverter(token -> authorities(token.getClaimAsStringList("groups")));
        return http.securityMatcher("/api/**")
            .authorizeHttpRequests(may -> may
                .requestMatchers("/api/articles").hasAuthority("articles")
                .anyRequest().authenticated())
            .oauth2ResourceServer(server -> server.jwt(jwt -> jwt.jwtAuthenticationConverter(converter)))
            .build();
    }

    @Bean
    SecurityFilterChain pages(HttpSecurity http, ClientRegistrationRepository clients) throws Exception {
        var away = new OidcClientInitiatedLogoutSuccessHandler(clients);
        away.setPostLogoutRedirectUri("{baseUrl}/bye");
        return http
            .authorizeHttpRequests(may -> may
                .requestMatchers("/bye", "/login").permitAll()
                .requestMatchers("/articles").hasAuthority("articles")
                .anyRequest().authenticated())
            .oauth2Login(login -> {})
            .logout(logout -> logout.logoutSuccessHandler(away))
            .csrf(csrf -> csrf.ignoringRequestMatchers("/logout"))
            .build();
    }

    @GetMapping({"/me", "/articles"})
    Map<String, Object> me(@AuthenticationPrincipal OidcUser user, Authentication authentication) {
        return said(user.getClaims(), authentication);
    }

    @GetMapping("/refreshed")
    Map<String, Object> refreshed(@RegisteredOAuth2AuthorizedClient("pasee") OAuth2AuthorizedClient client) {
        return Map.of("access", client.getAccessToken().getTokenValue());
    }

    @GetMapping({"/api/me", "/api/articles"})
    Map<String, Object> caller(@AuthenticationPrincipal Jwt token, Authentication authentication) {
        return said(token.getClaims(), authentication);
    }

    @GetMapping("/bye")
    Map<String, Object> bye() {
        return Map.of("bye", true);
    }

    private static Map<String, Object> said(Map<String, Object> claims, Authentication authentication) {
        // Spring says itself by which factor somebody came.
        var found = authentication.getAuthorities().stream().map(GrantedAuthority::getAuthority)
            .filter(name -> !name.startsWith("FACTOR_")).toList();
        return Map.of("sub", claims.get("sub"), "name", authentication.getName(), "email",
            claims.getOrDefault("email", ""), "authorities", found);
    }
}
