<?php
// A plugin as a site has it that wants to see in WordPress what became of its posts: adapters/systems/wordpress.md

add_action('init', function () {
    foreach (['wechat_state', 'wechat_url'] as $key) {
        register_post_meta('post', $key, ['show_in_rest' => true, 'single' => true, 'type' => 'string',
            'auth_callback' => fn () => current_user_can('edit_others_posts')]);
    }
});
