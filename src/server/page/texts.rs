//! Every text that stands on a page, in each language beside the other: none has one that another lacks.
//!
//! `{}` stands for what is put in. Must not know where a text stands.

macro_rules! texts {
    ($($name:ident: $english:literal, $french:literal;)+) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub(in crate::server) struct Texts {
            $(pub(in crate::server) $name: &'static str,)+
        }

        pub(super) static ENGLISH: Texts = Texts { $($name: $english,)+ };
        pub(super) static FRENCH: Texts = Texts { $($name: $french,)+ };

        /// Each text by its name, in English and in French.
        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $french),)+];
    };
}

texts! {
    // Logging in.
    log_in: "Log in", "Connexion";
    log_in_for: "Log in to go on to {}", "Connectez-vous pour continuer vers {}";
    user_name: "User name", "Nom d’utilisateur";
    password: "Password", "Mot de passe";
    log_in_now: "Log in", "Se connecter";
    go_on_with: "Go on with {}", "Continuer avec {}";
    or: "or", "ou";
    no_way_in: "Nobody can log in here with a browser.", "Personne ne peut se connecter ici avec un navigateur.";
    going_on: "One moment", "Un instant";
    going_on_advice: "You are logged in. If nothing happens, go on by hand.",
        "Vous êtes connecté. Si rien ne se passe, continuez à la main.";
    go_on: "Go on", "Continuer";

    // Who I am.
    who_you_are: "Who you are", "Qui vous êtes";
    your_id: "Your id here", "Votre identifiant ici";
    your_names: "What you are called", "Comment on vous appelle";
    your_groups: "Your groups", "Vos groupes";
    no_groups: "You are in no group.", "Vous n’êtes dans aucun groupe.";
    your_applications: "Applications that let you in", "Applications qui vous laissent entrer";
    until: "until {}", "jusqu’au {}";
    this_session: "This session", "Cette session";
    logged_in_through: "Logged in through", "Connecté par";
    logged_in_at: "Logged in at", "Connecté depuis le";
    session_ends_at: "Ends at", "Se termine le";
    log_out: "Log out", "Se déconnecter";
    end_sessions: "End all my sessions", "Terminer toutes mes sessions";
    end_sessions_advice: "Everywhere, in every browser and every application: all your tokens are worth nothing any more.",
        "Partout, dans chaque navigateur et chaque application : plus aucun de vos jetons ne vaut rien.";

    // An invitation to a group.
    invitation: "You are invited to {}", "Vous êtes invité dans {}";
    invitation_group: "The group", "Le groupe";
    invitation_role: "What you become", "Ce que vous y serez";
    invitation_member: "A member: applications see that you are in the group.",
        "Membre : les applications voient que vous en faites partie.";
    invitation_staff: "Staff: you decide who is in the group.", "Équipe : vous décidez qui en fait partie.";
    invitation_by: "Who invites you", "Qui vous invite";
    invitation_until: "The invitation ends at", "L’invitation se termine le";
    invitation_as: "You are logged in as", "Vous êtes connecté en tant que";
    invitation_seen: "The staff of the group see your id, and what your identity provider calls you.",
        "L’équipe du groupe voit votre identifiant et le nom que donne votre fournisseur d’identité.";
    invitation_yes: "Yes, join the group", "Oui, rejoindre le groupe";
    joined: "You are in the group", "Vous faites partie du groupe";
    joined_advice: "You are in {} from now on. Applications see it when they next ask who you are.",
        "Vous faites désormais partie de {}. Les applications le verront la prochaine fois qu’elles demanderont qui vous êtes.";
    already_there: "You are in the group already", "Vous faites déjà partie du groupe";
    already_there_advice: "There is nothing more to do.", "Il n’y a rien de plus à faire.";
    invitation_unknown: "This invitation is not good", "Cette invitation ne vaut pas";
    invitation_unknown_advice: "It is over, or the link is not whole. Ask whoever gave it to you for another.",
        "Elle est terminée, ou le lien n’est pas entier. Demandez-en une autre à la personne qui vous l’a donnée.";
    invitation_void: "This invitation was taken back", "Cette invitation a été retirée";
    invitation_void_advice: "Or the group that it was to is no more. Ask whoever gave it to you for another.",
        "Ou bien le groupe n’existe plus. Demandez-en une autre à la personne qui vous l’a donnée.";
    invitation_withdrawn: "This invitation does not count any more", "Cette invitation ne compte plus";
    invitation_withdrawn_advice: "Whoever made it may not let anybody into the group any more. Ask its staff for another.",
        "La personne qui l’a faite ne peut plus faire entrer personne dans le groupe. Demandez-en une autre à son équipe.";

    // Out of a group.
    leave: "Leave", "Quitter";
    leave_question: "Do you want to leave {}?", "Voulez-vous quitter {} ?";
    leave_advice: "You are not in it any more from then on. To come back, ask its staff.",
        "Vous n’en ferez plus partie. Pour revenir, adressez-vous à son équipe.";
    leave_yes: "Yes, leave", "Oui, quitter";
    leave_no: "Stay in it", "Y rester";
    left: "You have left the group", "Vous avez quitté le groupe";
    left_advice: "You are not in {} any more. Tokens that applications have of you say otherwise for some minutes.",
        "Vous ne faites plus partie de {}. Les jetons que des applications ont de vous disent le contraire pendant quelques minutes.";
    not_there: "You are not in this group", "Vous ne faites pas partie de ce groupe";
    not_there_advice: "Or your identity provider says that you are: then only those who run it can change that.",
        "Ou bien votre fournisseur d’identité le dit : alors seuls ses responsables peuvent le changer.";
    last_there: "You are the last one", "Vous êtes la dernière personne";
    last_there_advice: "Nobody else could run this Pasee. Put somebody else into the group first.",
        "Personne d’autre ne pourrait gérer ce Pasee. Mettez d’abord quelqu’un d’autre dans le groupe.";
    elsewhere: "This is decided elsewhere", "Cela se décide ailleurs";
    elsewhere_advice: "Somebody has written it down outside of Pasee, and can change it there:",
        "Quelqu’un l’a écrit en dehors de Pasee, et peut le changer là :";

    // A login on another device.
    device: "Log in on another device", "Connexion sur un autre appareil";
    device_code: "The code that your device shows", "Le code affiché par votre appareil";
    device_unknown: "There is no such code any more. Have your device show you another.",
        "Ce code n’existe pas ou plus. Demandez-en un autre sur votre appareil.";
    device_question: "{} asks to be logged in on a device", "{} demande une connexion sur un appareil";
    device_compare: "Go on only if you have begun this yourself, and your device shows this code:",
        "Ne continuez que si vous l’avez demandé vous-même et que votre appareil affiche ce code :";
    device_as: "It will be logged in as", "Il sera connecté en tant que";
    device_yes: "Yes, it is my device", "Oui, c’est mon appareil";
    device_done: "Your device is logged in", "Votre appareil est connecté";
    device_done_advice: "Go back to it; it goes on by itself in a few seconds.",
        "Retournez-y : il continue de lui-même dans quelques secondes.";
    device_denied: "Nothing was logged in", "Rien n’a été connecté";
    device_denied_advice: "The device gets nothing. If you did not begin this, somebody else tried to be you.",
        "L’appareil n’obtient rien. Si vous n’aviez rien demandé, quelqu’un a tenté de se faire passer pour vous.";

    // What a client may know.
    consent: "{} asks who you are", "{} demande qui vous êtes";
    consent_advice: "If you say yes, it learns this of you, for as long as this session goes on. You are logged in as",
        "Si vous acceptez, elle apprend ceci de vous, tant que dure cette session. Vous êtes connecté en tant que";
    consent_id: "Your id here", "Votre identifiant ici";
    consent_names: "What you are called", "Comment on vous appelle";
    consent_email: "Your mail address", "Votre adresse électronique";
    consent_groups: "The groups that you are in", "Les groupes dont vous faites partie";
    consent_yes: "Yes, go on", "Oui, continuer";
    consent_no: "No", "Non";

    // Logging out.
    log_out_question: "Do you want to log out?", "Voulez-vous vous déconnecter ?";
    log_out_advice: "This ends your session here. Applications that you opened with it let you go on until their own session ends.",
        "Cela termine votre session ici. Les applications que vous avez ouvertes avec elle restent ouvertes jusqu’à la fin de leur propre session.";
    stay: "Stay logged in", "Rester connecté";
    logged_out: "You are logged out", "Vous êtes déconnecté";
    logged_out_advice: "There is no session in this browser.", "Il n’y a plus de session dans ce navigateur.";
    log_in_again: "Log in again", "Se reconnecter";

    // What went wrong, and what to do.
    to_the_start: "To the start page", "Vers la page d’accueil";
    begin_again: "Begin again", "Recommencer";
    request_id: "If you ask for help, give this number of the request:",
        "Si vous demandez de l’aide, donnez ce numéro de requête :";
    not_found: "There is no such page", "Cette page n’existe pas";
    not_found_advice: "The address is misspelled, or what was here is gone.",
        "L’adresse est mal écrite, ou ce qui était ici n’y est plus.";
    not_understood: "This request is not understood", "Cette requête n’est pas comprise";
    not_understood_advice: "Go back and try again. If a link or an application led you here, tell those who run it.",
        "Revenez en arrière et réessayez. Si un lien ou une application vous a mené ici, prévenez ses responsables.";
    wrong_password: "Wrong name or password", "Nom ou mot de passe incorrect";
    wrong_password_advice: "The name or the password is wrong. Check both, and try again.",
        "Le nom ou le mot de passe est incorrect. Vérifiez les deux et réessayez.";
    not_confirmed: "The login was not confirmed", "La connexion n’a pas été confirmée";
    not_confirmed_advice: "You or the identity provider said no, or it took too long. Begin again, or log in with something else.",
        "Vous ou le fournisseur d’identité avez dit non, ou cela a pris trop de temps. Recommencez, ou choisissez un autre moyen de connexion.";
    account_closed: "Your account takes no logins", "Votre compte n’accepte pas de connexion";
    account_closed_advice: "Your name and password are right, but the account cannot be used now. Ask those who run it.",
        "Votre nom et votre mot de passe sont corrects, mais le compte n’est pas utilisable. Adressez-vous à ses responsables.";
    not_allowed: "You may not log in here", "Vous ne pouvez pas vous connecter ici";
    not_allowed_advice: "The identity provider knows you, but you are not let in here. Ask those who run this Pasee, or use another account.",
        "Le fournisseur d’identité vous connaît, mais l’entrée vous est fermée ici. Adressez-vous aux responsables de ce Pasee, ou prenez un autre compte.";
    unreachable: "The identity provider does not answer", "Le fournisseur d’identité ne répond pas";
    unreachable_advice: "That is not your fault. Wait a minute and try again.",
        "Ce n’est pas votre faute. Attendez une minute et réessayez.";
    set_up_wrong: "This does not work at the moment", "Cela ne fonctionne pas pour le moment";
    set_up_wrong_advice: "That is not your fault, and trying again will not help. Tell those who run this Pasee.",
        "Ce n’est pas votre faute, et réessayer ne servira à rien. Prévenez les responsables de ce Pasee.";
    login_unknown: "This login is not known here any more", "Cette connexion n’est plus connue ici";
    login_unknown_advice: "It is over, took too long, or was begun in another browser. Begin again.",
        "Elle est terminée, a pris trop de temps, ou a commencé dans un autre navigateur. Recommencez.";
    form_unknown: "This form is too old", "Ce formulaire est trop ancien";
    form_unknown_advice: "It was not made for this browser, or too long ago. Nothing was done. Open the page again.",
        "Il n’a pas été fait pour ce navigateur, ou il y a trop longtemps. Rien n’a été fait. Ouvrez la page à nouveau.";
    too_many: "Too many attempts", "Trop de tentatives";
    too_many_advice: "Wait {} seconds and try again.", "Attendez {} secondes et réessayez.";
    banned: "You are shut out", "Vous êtes exclu";
    banned_advice: "You may not use this Pasee. Ask those who run it.",
        "Vous ne pouvez pas utiliser ce Pasee. Adressez-vous à ses responsables.";
    log_in_first: "Log in first", "Connectez-vous d’abord";
    log_in_first_advice: "This needs a login. Programs show an access token here.",
        "Il faut être connecté. Les programmes présentent ici un jeton d’accès.";
    not_yours: "You may not do this", "Vous ne pouvez pas faire cela";
    not_yours_advice: "Ask the staff of the group, or those who run this Pasee.",
        "Adressez-vous à l’équipe du groupe, ou aux responsables de ce Pasee.";
    not_now: "Not now", "Pas maintenant";
    not_now_advice: "Something that this needs is away at the moment. Wait a minute and try again.",
        "Quelque chose de nécessaire est absent pour le moment. Attendez une minute et réessayez.";
    went_wrong: "Something went wrong", "Quelque chose s’est mal passé";
    went_wrong_advice: "That is not your fault. Tell those who run this Pasee.",
        "Ce n’est pas votre faute. Prévenez les responsables de ce Pasee.";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is the same word in both.
    const SAME: [&str; 0] = [];

    #[test]
    fn nothing_is_left_untranslated() {
        for (name, english, french) in ALL {
            assert!(!english.trim().is_empty() && !french.trim().is_empty(), "{name}");
            assert!(english != french || SAME.contains(name), "{name} is not translated");
            for text in [english, french] {
                assert_eq!(text.trim(), *text, "{name}");
                assert!(!text.contains("  ") && !text.contains('\n'), "{name}");
            }
        }
    }

    #[test]
    fn each_language_puts_in_the_same() {
        for (name, english, french) in ALL {
            let put_in = |text: &str| text.matches("{}").count();
            assert_eq!(put_in(english), put_in(french), "{name}");
            assert!(put_in(english) <= 1, "{name}");
        }
    }

    /// The typographer's apostrophe, and the same word for a thing wherever it stands.
    #[test]
    fn french_as_it_is_written() {
        for (name, english, french) in ALL {
            assert!(!french.contains('\'') && !english.contains('\''), "{name}");
        }
    }
}
